"""
A measurement on a terminal: one screen. Pure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from twisted_netdemo.service.host_port import hostPort
from twisted_netdemo.stamp.packets.timestamps import ErrorEstimate
from twisted_netdemo.stamp.results.directions import Count, Kind
from twisted_netdemo.stamp.results.measurement import TTL, Measurement, Packet, Reordering
from twisted_netdemo.stamp.results.quantiles import Quantiles

_WIDTH = 79
_ROWS = 4

_KINDS: dict[Kind, str] = {
    "ours": "reports what arrives",
    "stateful": "counts its replies",
    "stateless": "seems to give numbers back",
}

# What stands in the strip for a stretch of the run in which all was well, or something was not.
_GOOD, _SEVERAL = ".", "#"
_MARKS = {
    "lost_up": "^",
    "lost_down": "v",
    "undecided": "?",
    "late": "L",
    "duplicated": "=",
    "reordered": "~",
}
_WORDS = {
    "^": "lost there",
    "v": "lost back",
    "?": "lost",
    "L": "late",
    "=": "copied",
    "~": "reordered",
    _SEVERAL: "several of these",
}


def report(m: Measurement, isKeyed: bool = False) -> str:
    """
    The lines, each ending in a line feed.

    @param isKeyed: whether the session is an authenticated one.
    """
    said = f"STAMP to {hostPort(*m.target)}: {_packets(m.sent)} sent, {m.received} answered in time"
    lines = textwrap.wrap(said, _WIDTH)
    if m.reflector is None:
        lines += _nothing(m, isKeyed)
    else:
        lines += [*_losses(m), "", *_delays(m), *_clocks(m)]
        lines += histogram([each.rtt for each in m.packets if each.rtt is not None])
        lines += strip(m.packets)
    lines += _sending(m)
    return "".join(f"{line}\n" for line in lines)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _packets(count: int) -> str:
    return _counted(count, "packet")


def _nothing(m: Measurement, isKeyed: bool) -> list[str]:
    rejected = m.rejected
    if rejected.unauthentic:
        return [f"{_packets(rejected.unauthentic)} came back, not made with this key."]
    if rejected.malformed or rejected.stray:
        others = _counted(rejected.malformed + rejected.stray, "other packet")
        return [f"No reply to what was sent came back, only {others}."]
    if m.sent and m.sending.failed == m.sent:
        return ["Nothing came back: the system did not take one of the packets."]
    causes = ["a filter on the way", "no reflector at that address and port"]
    if isKeyed:
        causes.append("another key at the reflector")
    else:
        causes.append("a reflector that answers authenticated packets only")
    said = f"Nothing came back. That may mean: {', '.join(causes[:-1])}, or {causes[-1]}."
    return textwrap.wrap(said, _WIDTH)


def _losses(m: Measurement) -> list[str]:
    ways = m.directions
    arrived = m.sent - ways.lossUp if isinstance(ways.lossUp, int) else 0
    rows = [
        ("", "there", "back", "both ways", ""),
        (
            "lost",
            _share(ways.lossUp, m.sent),
            _share(ways.lossDown, arrived),
            _share(m.lost, m.sent),
            "RFC 7680",
        ),
        ("  longest run", _longest(m.lossRunsUp), _longest(m.lossRunsDown), "", "RFC 3357"),
        ("duplicates", _text(ways.duplicatesUp), _text(ways.duplicatesDown), "", "RFC 5560"),
        ("reordered", _reordered(m.reorderedUp), _reordered(m.reorderedDown), "", "RFC 4737"),
        ("  extent, n", _extent(m.reorderedUp), _extent(m.reorderedDown), "", "RFC 4737"),
    ]
    if m.late:
        rows.append((f"later than {m.timeout:g} s", "", "", _share(m.late, m.sent), ""))
    return [f"{a:<14}{b:>18}{c:>18}{d:>16}   {e}".rstrip() for a, b, c, d, e in rows]


def _text(count: Count) -> str:
    if count is None:
        return "unknown"
    return f"{count[0]} to {count[1]}" if isinstance(count, tuple) else str(count)


def _share(count: Count, whole: int) -> str:
    if isinstance(count, int) and whole:
        return f"{count} ({100 * count / whole:.2f} %)"
    return _text(count)


def _longest(runs: Sequence[int] | None) -> str:
    return "unknown" if runs is None else str(max(runs, default=0))


def _reordered(reordering: Reordering | None) -> str:
    if reordering is None:
        return "unknown"
    return f"{reordering.count} ({100 * reordering.ratio:.2f} %)"


def _extent(reordering: Reordering | None) -> str:
    return "unknown" if reordering is None else f"{reordering.maxExtent}, {reordering.n}"


def _delays(m: Measurement) -> list[str]:
    heads = ("min", "p50", "p90", "p99", "p99.9", "max", "mean")
    lines = [f"{'milliseconds':<13}" + "".join(f"{head:>8}" for head in heads)]
    for name, quantiles, rfc in (
        ("round trip", m.rtt, "2681"),
        ("there", m.delayUp, "7679"),
        ("back", m.delayDown, "7679"),
        ("IPDV", m.ipdv, "5481"),
        ("PDV", m.pdv, "5481"),
    ):
        lines.append(f"{name:<13}{_figures(quantiles)}  RFC {rfc}")
    jitters = f"there {_milliseconds(m.jitterUp)}, back {_milliseconds(m.jitterDown)}"
    lines.append(f"{'jitter':<13}{jitters:<56}  RFC 3550")
    return lines


def _milliseconds(value: float | None) -> str:
    """
    Microseconds, in seven columns where that can be.
    """
    if value is None:
        return "unknown"
    value /= 1000
    digits = 3 if abs(value) < 100 else 1 if abs(value) < 10_000 else 0
    return f"{value:.{digits}f}"


def _figures(quantiles: Quantiles | None) -> str:
    if quantiles is None:
        return f"{'unknown':>8}{'':48}"
    q = quantiles
    values = (q.min, q.p50, q.p90, q.p99, q.p999, q.max, q.mean)
    return "".join(f"{_milliseconds(value):>8}" for value in values)


def _clocks(m: Measurement) -> list[str]:
    kind = "" if m.reflector is None else f"; the reflector {_KINDS[m.reflector]}"
    stepped = []
    if m.clockStep is not None:
        said = f"here by {m.clockStep / 1e9:+.3f} s in the run: one-way figures are unknown"
        stepped = _wrapped("clock set", [said])
    return [
        *stepped,
        f"{'clocks':<13}here {_clock(m.senderError)}; there {_clock(m.reflectorError)}",
        f"{'TTL':<13}there {_ttl(m.ttlUp)}; back {_ttl(m.ttlDown)}{kind}",
    ]


def _clock(estimate: ErrorEstimate | None) -> str:
    if estimate is None:
        return "unknown"
    seconds = estimate.seconds
    error = f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"
    return f"synchronized to {error}" if estimate.synchronized else f"not synchronized ({error})"


def _ttl(ttl: TTL | None) -> str:
    if ttl is None:
        return "unknown"
    if not ttl.changes:
        return str(ttl.first)
    return f"{ttl.first} first, {ttl.last} last, {_counted(ttl.changes, 'change')}"


def _sending(m: Measurement) -> list[str]:
    error = m.sendError
    said = []
    if error is not None:
        said.append(f"late by {error[0]:.0f} us (p50), {error[1]:.0f} us (p99)")
    sending = m.sending
    said += [
        words
        for count, words in (
            (sending.late, f"{sending.late} over 1 ms late"),
            (sending.skipped, f"{_counted(sending.skipped, 'tick')} skipped"),
            (sending.failed, f"{sending.failed} not taken by the system"),
        )
        if count
    ]
    if sending.waited is not None:
        said.append(f"ended early, {sending.waited:.1f} s after the last")
    lines = _wrapped("sending", said)
    rejected = [
        f"{count} {words}"
        for count, words in (
            (m.rejected.unauthentic, "not made with the key"),
            (m.rejected.malformed, "no reply to what was sent"),
            (m.rejected.stray, "from elsewhere"),
            (m.rejected.excess, "too many copies to keep account of"),
        )
        if count
    ]
    if rejected:
        lines += _wrapped("not counted", rejected)
    return lines


def _wrapped(name: str, words: Sequence[str]) -> list[str]:
    text = f"{name:<13}{'; '.join(words)}"
    return textwrap.wrap(text, _WIDTH, subsequent_indent=" " * 13)


def histogram(values: Sequence[float]) -> list[str]:
    """
    A histogram of the round trips.

    @param values: in microseconds.
    """
    if not values:
        return []
    ordered = sorted(values)
    least, most = ordered[0], ordered[max(0, -(-len(ordered) * 99 // 100) - 1)]
    step = (most - least) / (_ROWS - 1) or 1.0
    counts = [0] * _ROWS
    for value in ordered:
        counts[min(_ROWS - 1, int((value - least) / step))] += 1
    scale = max(counts)
    lines = []
    for row, count in enumerate(counts):
        start, end = _milliseconds(least + row * step), _milliseconds(least + (row + 1) * step)
        label = f"from {start}" if row == _ROWS - 1 else f"{start} - {end}"
        bar = "#" * max(bool(count), round(44 * count / scale))
        lines.append(f"{label:>21} ms |{bar} {count}".rstrip())
    return lines


def strip(packets: Sequence[Packet]) -> list[str]:
    """
    The run from its first request to its last, and where something befell them.
    """
    width = min(_WIDTH - 2, len(packets))
    if not width:
        return []
    cells = []
    for _, stretch in groupby(packets, key=lambda each: each.seq * width // len(packets)):
        marks = {mark for each in stretch for mark in _marks(each)}
        cells.append(_SEVERAL if len(marks) > 1 else marks.pop() if marks else _GOOD)
    used = [f"{mark} {_WORDS[mark]}" for mark in _WORDS if mark in cells]
    legend = [f" {', '.join(used)}"] if used else []
    return [f"[{''.join(cells)}]", *legend]


def _marks(packet: Packet) -> Iterable[str]:
    if packet.fate != "received":
        yield _MARKS[packet.fate]
    if packet.duplicated:
        yield _MARKS["duplicated"]
    if packet.reordered:
        yield _MARKS["reordered"]
