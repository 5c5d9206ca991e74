"""
The figures of a bad network as keyword arguments, and the command line that they stand for.

Pure, and without Twisted, since test processes import it. A figure is an option of the command with
underscores in place of dashes:

    >>> NETWORK.words({"up_loss": {3, 5}, "delay": "20ms"})
    ['--up-loss', '@3,5', '--delay', '20ms']

Text is passed on as it is, for the command to check. Other types are those that have one meaning
only: places (C{3}, C{{3, 5}}, C{range(1, 4)}) for faults, whole numbers for counts and sizes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from twisted_netdemo.faults.kinds import DATAGRAM_FAULTS, FAULTS
from twisted_netdemo.faults.kinds.fault import Fault
from twisted_netdemo.faults.trigger import DIRECTIONS
from twisted_netdemo.service.cli.suggestions import didYouMean
from twisted_netdemo.testing.badwire.refusals import Mistake

#: Returns the texts of a value, one for each time that its option is given.
#: It raises L{ValueError} with the end of a sentence that began with the value.
Writer: TypeAlias = Callable[[Any], list[str]]

#: The longest timeout, in seconds: the system's calls take no number of any size.
_WEEK = 604_800

#: How many characters the figures of a network may have as text, and how many a complaint shows.
_LONGEST, _SHOWN = 50_000, 100


def text(value: object) -> list[str]:
    """
    A value that is text alone.
    """
    if isinstance(value, str):
        return [value]
    raise ValueError("is not text")


def number(value: object) -> list[str]:
    """
    A number, or its text.
    """
    if isinstance(value, float):
        return [f"{value:.9f}".rstrip("0").rstrip(".")]
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, str):
        return [value]
    raise ValueError("is neither a number nor text")


def checkTimeout(value: object) -> float:
    """
    A number of seconds above 0.

    @raise Mistake: it is something else, or more than a week.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= _WEEK:
        return value
    raise Mistake(f"timeout: {_short(value)} is not a number of seconds above 0, up to {_WEEK}")


def duration(value: object) -> list[str]:
    """
    A length of time with its unit, or 0.
    """
    if isinstance(value, str):
        return [value]
    if value == 0 and value is not False:
        return ["0s"]
    raise ValueError("is not a length of time with its unit, as in '20ms'")


def places(value: object) -> list[str]:
    """
    Places, or the text of a ratio or of places.
    """
    if isinstance(value, str):
        return [value]
    try:
        found = ranges(value)
    except TypeError:
        raise ValueError("is neither text ('10%', '@3') nor places (3, {3, 5})") from None
    return [f"@{found}"] if found else ["0%"]


def ranges(value: object) -> str:
    """
    The places of a whole number, a C{range} or any collection of whole numbers, as C{1-3,5}; empty
    for none.

    @raise TypeError: it is none of these.
    @raise ValueError: it holds a number below 1.
    """
    if isinstance(value, range) and value.step == 1 and len(value):
        pairs = [[value[0], value[-1]]]  # not one by one: it may be long
    else:
        pairs = []
        for place in sorted({*_whole([value] if isinstance(value, int) else value)}):
            if pairs and place == pairs[-1][1] + 1:
                pairs[-1][1] = place
            else:
                pairs.append([place, place])
    if pairs and pairs[0][0] < 1:
        raise ValueError("holds a number below 1: places are counted from 1")
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in pairs)


def flows(value: object) -> list[str]:
    """
    Numbers of flows, or their text.
    """
    if isinstance(value, str):
        return [value]
    found = ""
    if not isinstance(value, bool):
        with contextlib.suppress(ValueError):
            found = ranges(value)
    if not found:
        raise ValueError("is neither text ('1-3') nor numbers of flows from 1 on (1, {1, 3})")
    return [found]


def _whole(values: object) -> Iterable[int]:
    if not isinstance(values, (set, frozenset, list, tuple, range)):
        raise TypeError("is no collection of whole numbers")
    for each in values:
        if not isinstance(each, int) or isinstance(each, bool):
            raise TypeError("holds something that is not a whole number")
        yield each


def several(value: object) -> list[str]:
    """
    A text or a list of texts, for an option that may be repeated.
    """
    found = [value] if isinstance(value, str) else value
    if isinstance(found, (list, tuple)) and all(isinstance(each, str) for each in found):
        return list(found)
    raise ValueError("is neither text nor a list of texts")


def settings(value: object) -> list[str]:
    """
    Settings with their values, as C{KEY=VALUE}.
    """
    if isinstance(value, Mapping):
        return [f"{key}={setting}" for key, setting in value.items()]
    try:
        return several(value)
    except ValueError:
        raise ValueError("is no dictionary, as in {'net.ipv4.tcp_syn_retries': 2}") from None


def faultFigures(faults: Iterable[Fault]) -> dict[str, Writer]:
    """
    The figures of faults, and of what goes with them.
    """
    return {
        **{fault.name.replace("-", "_"): places for fault in faults},
        "loss_burst": number,
        "reorder_gap": number,
    }


#: The figures of the line, which any relay has.
LINE: dict[str, Writer] = {
    "delay": duration,
    "jitter": duration,
    "distribution": text,
    "rate": text,
}


@dataclass(frozen=True)
class Figures:
    """
    The figures of one command.

    @ivar directed: those that have C{up_} and C{down_} forms as well.
    @ivar single: the others.
    @ivar flags: those that are L{True} or L{False}.
    @ivar choices: those with a few values, an option without a value for each.
    """

    directed: Mapping[str, Writer]
    single: Mapping[str, Writer]
    flags: frozenset[str] = frozenset()
    choices: Mapping[str, Mapping[int, str]] = field(default_factory=dict)

    def writers(self) -> dict[str, Writer]:
        """
        All names but the flags and the choices, each with its writer.
        """
        forms = {
            f"{direction}_{name}": writer
            for name, writer in self.directed.items()
            for direction in DIRECTIONS
        }
        return {**self.directed, **forms, **self.single}

    def words(self, given: Mapping[str, Any]) -> list[str]:
        """
        The words of the command line. L{None} is as good as not given.

        @raise Mistake: there is no such figure, or its value has a type that means nothing.
        """
        writers = self.writers()
        found: list[str] = []
        for name, value in given.items():
            if name not in (*writers, *self.flags, *self.choices):
                raise Mistake(f"{name}: there is no such figure{self._others(name)}")
            if value is None:
                continue
            option = "--" + name.replace("_", "-")
            if name in self.flags:
                if not isinstance(value, bool):
                    raise Mistake(f"{name}: {value!r} is neither True nor False")
                found += [option] if value else []
                continue
            if name in self.choices:
                found.append(f"--{self._chosen(name, value)}")
                continue
            try:
                texts = writers[name](value)
            except (TypeError, ValueError) as error:
                raise Mistake(f"{name}: {_short(value)} {error}") from None
            for each in texts:
                found += [option, each]
        if sum(map(len, found)) > _LONGEST:
            longest = max(found, key=len)
            name = found[found.index(longest) - 1].removeprefix("--").replace("-", "_")
            raise Mistake(f"{name}: as text it is longer than {_LONGEST} characters")
        return found

    def _others(self, name: str) -> str:
        """
        The end of a complaint about an unknown name: the nearest one, or all of them.
        """
        direction, _, base = name.replace("-", "_").partition("_")
        if direction in DIRECTIONS:
            near = didYouMean(base, self.directed, f"{direction}_")
        else:
            near = didYouMean(name, [*self.directed, *self.single, *self.flags, *self.choices])
        rest = "".join(f", {each}" for each in (*self.single, *self.flags, *self.choices))
        return near or f"; there are {', '.join(self.directed)} (with up_ and down_, too){rest}"

    def _chosen(self, name: str, value: object) -> str:
        for choice, option in self.choices[name].items():
            if value == choice and type(value) is type(choice):
                return option
        known = " nor ".join(map(repr, self.choices[name]))
        raise Mistake(f"{name}: {value!r} is neither {known}")


def _short(value: object) -> str:
    """
    A value in a complaint.
    """
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


#: The figures that may change while packets are under way.
CHANGEABLE = Figures({**faultFigures(FAULTS), **LINE, "queue": number}, {})

#: The figures of a private network: the options of C{badwire run}, but for its outputs.
NETWORK = Figures(
    CHANGEABLE.directed,
    {
        "seed": number,
        "mtu": number,
        "drain": duration,
        "serve": several,
        "sysctl": settings,
        "blackout": several,
        "flows": flows,
    },
    frozenset({"names"}),
    {"family": {4: "ipv4", 6: "ipv6"}},
)

#: The figures of a relay of datagrams: the options of C{twistd impair} for UDP.
DATAGRAMS = Figures(
    {**faultFigures(DATAGRAM_FAULTS), **LINE, "queue": number},
    {"seed": number, "idle": duration, "max_clients": number},
)

#: The figures of a relay of TCP connections: the options of C{twistd impair} for TCP.
STREAMS = Figures(
    {**LINE, "slice": number, "reset_after": number, "hang_after": number}, {"seed": number}
)


def asFigure(complaint: str) -> str:
    """
    A command's complaint about an option, as one about the figure.
    """
    option, colon, rest = complaint.removeprefix("--").partition(":")
    if complaint.startswith("--") and colon:
        return f"{option.replace('-', '_')}:{rest}"
    return complaint
