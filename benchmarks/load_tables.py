"""
Tables of servers under full load and part load.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from benchmarks.contest import Sample, Server, Settings, Table, cores, interleaved


def atOnce(
    servers: Mapping[str, Server],
    settings: Settings,
    reference: str,
    sizes: Mapping[str, tuple[int, int]],
    measure: Callable[[Server, int, int, int | None], Sample],
) -> Iterator[Table]:
    """
    Loads that begin a unit when one has ended: beside the servers, on a core of their own, and on
    theirs. With a core each, a server that is faster than the load finds one or two units whenever
    it looks; on one core they take turns, and it finds all that there are.

    @param sizes: how many at once and how many in all, by their names.
    @param measure: loads a server, with how many at once, how many in all, and on which core
        (C{None}: one of its own).
    """
    for name, (flight, many) in sizes.items():
        for core, words in ((None, "a core each"), (cores()[0], "one core, by turns")):
            rows = interleaved(
                settings.rounds,
                servers,
                lambda server, flight=flight, many=many, core=core: measure(
                    server, flight, settings.units(many), core
                ),
            )
            yield Table(f"{name}, {words}", rows, reference)


def fullAndThird(
    servers: Mapping[str, Server],
    settings: Settings,
    reference: str,
    sizes: Mapping[str, tuple[int, int]],
    load: Callable[..., Sample],
    *,
    many: int,
    words: str,
    ways: int = 1,
) -> Iterator[Table]:
    """
    As L{atOnce} has it; then units on a schedule, a third of what the reference did at first, so
    that every contestant has the same.

    @param load: loads a server: C{load(server, "closed", flight, many, core=core)}, or
        C{load(server, "open", rate, many)}.
    @param many: how many units on the schedule.
    @param words: what the rate is of, for the table's name.
    @param ways: how often the load counts each unit.
    """
    most = 0.0
    for table in atOnce(
        servers,
        settings,
        reference,
        sizes,
        lambda server, flight, many, core: load(server, "closed", flight, many, core=core),
    ):
        yield table
        most = most or table.middle(reference, "rate")
    rate = most / ways / 3
    rows = interleaved(
        settings.rounds, servers, lambda server: load(server, "open", rate, settings.units(many))
    )
    yield Table(f"a third of the most, {rate:.0f} {words}", rows, reference)
