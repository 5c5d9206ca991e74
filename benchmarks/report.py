"""
What was measured, for people: tables, and a chart.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.contest import Contestant, Table

_HEADS = {
    "cpu": "CPU us",
    "rate": "a second",
    "p50": "p50 us",
    "p99": "p99 us",
    "memory": "bytes",
    "wall": "wall us",
    "peak": "peak MiB",
}


def shown(table: Table) -> str:
    """
    A table in Markdown, its columns aligned.
    """
    also = () if table.also is None else (table.also,)
    heads = [
        "",
        *(_HEADS[column] for column in table.columns),
        "ratio",
        "spread",
        *(f"{_HEADS[column]} ratio" for column in also),
    ]
    lines = [
        [
            name,
            *(_figure(table.middle(name, column)) for column in table.columns),
            f"{table.ratio(name):.2f}",
            f"{table.spread(name):.0%}",
            *(f"{table.ratio(name, column):.2f}" for column in also),
        ]
        for name in table.rows
    ]
    widths = [max(len(line[index]) for line in [heads, *lines]) for index in range(len(heads))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    text = [f"{table.title} (ratio: {_HEADS[table.main]}, to {table.reference})", ""]
    for line in [heads, rule, *lines]:
        first = line[0].ljust(widths[0])
        rest = [word.rjust(width) for word, width in zip(line[1:], widths[1:], strict=True)]
        text.append(f"| {' | '.join([first, *rest])} |")
    return "\n".join(text) + "\n"


def _figure(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def features(contestants: Sequence[Contestant]) -> str:
    """
    What each of them has and lacks.
    """
    width = max(len(contestant.name) for contestant in contestants)
    return "".join(f"  {one.name.ljust(width)}  {one.has}\n" for one in contestants)


def draw(tables: Sequence[Table], path: Path) -> None:
    """
    The ratios of each table as bars; the kind of picture is the file name's ending.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        len(tables), 1, squeeze=False, layout="constrained",
        figsize=(8, sum(0.8 + 0.28 * len(table.rows) for table in tables)),
    )  # fmt: skip
    for axis, table in zip(axes[:, 0], tables, strict=True):
        names = list(table.rows)
        ratios = [table.ratio(name) for name in names]
        colors = ["tab:orange" if index == 0 else "tab:gray" for index in range(len(names))]
        bars = axis.barh(names, ratios, color=colors)
        axis.bar_label(bars, fmt="%.2f", padding=3)
        axis.invert_yaxis()
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_title(table.title, fontsize="medium", loc="left")
        axis.set_xlabel(f"{_HEADS[table.main]}, as many times {table.reference}")
        axis.margins(x=0.12)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
    pyplot.close(figure)
