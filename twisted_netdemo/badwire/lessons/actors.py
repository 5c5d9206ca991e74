"""
C{badwire-actor}: the programs that the lessons run on the wire.

Plain blocking sockets, so that the kernel's TCP and UDP are all there is. Each actor prints what
it found as lines of JSON. Its own servers listen near, and are reached at the far address.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Iterator

from twisted_netdemo.badwire.lessons import (
    endactors,
    nameactors,
    paceactors,
    readactors,
    tcpactors,
    udpactors,
)
from twisted_netdemo.badwire.lessons.tcpactors import Figures


def setup(host: str) -> Iterator[Figures]:
    """
    The time to the first answer: by UDP, by TCP, and by TCP Fast Open twice.
    """
    with udpactors.serving(udpactors.echo):
        yield {"how": "UDP", "seconds": udpactors.firstAnswer(host)}
    with tcpactors.serving(tcpactors.answerLines):
        for how, fast in (("TCP", False), ("Fast Open, 1st", True), ("Fast Open, 2nd", True)):
            try:
                yield {"how": how, "seconds": tcpactors.firstAnswer(host, fast)}
            except OSError as error:
                yield {"how": how, **tcpactors.failure(error)}


def choose(host: str, many: int, size: int) -> Iterator[Figures]:
    """
    One question, MANY questions and SIZE bytes, by UDP and by TCP.
    """
    with udpactors.serving(udpactors.echo):
        for count in (1, many):
            yield {"by": "UDP", "what": "questions", **udpactors.questions(host, count)}
    yield {"by": "UDP", "what": "bytes", **udpactors.stream(host, size)}
    with tcpactors.serving(tcpactors.answerLines):
        for count in (1, many):
            yield {"by": "TCP", "what": "questions", **tcpactors.questions(host, count)}
    for found in tcpactors.carry(host, size):
        yield {"by": "TCP", "what": "bytes", **found}


def main() -> None:
    """
    Play one actor, named on the command line.
    """
    parser = argparse.ArgumentParser(prog="badwire-actor", description="Programs for a bad wire.")
    actors = parser.add_subparsers(required=True, metavar="ACTOR")

    def actor(play: Callable[..., Iterator[Figures]], **arguments: Callable[[str], object]) -> None:
        said = (play.__doc__ or "").strip().partition("\n")[0]
        chosen = actors.add_parser(play.__name__, help=said, description=said)
        chosen.set_defaults(play=play)
        signature = inspect.signature(play).parameters
        for name, kind in arguments.items():
            default = signature[name].default
            if default is not inspect.Parameter.empty:
                chosen.add_argument(f"--{name}", type=kind, default=default)
            else:
                repeats = "+" if name in ("questions", "names", "wanted") else None
                chosen.add_argument(name, type=kind, nargs=repeats)

    actor(tcpactors.ask, host=str, port=int, questions=str)
    actor(tcpactors.carry, host=str, size=int)
    actor(nameactors.resolve, names=str)
    actor(nameactors.ports, taken=int)
    actor(endactors.call, host=str, port=int, attempts=int, patience=float)
    actor(endactors.speak, host=str, patience=float)
    actor(endactors.silence, host=str, patience=float)
    actor(endactors.closing, host=str)
    actor(endactors.reset, host=str, size=int)
    actor(readactors.readLines, host=str)
    actor(readactors.gopher, host=str)
    actor(paceactors.window, host=str, size=int, rest=float)
    actor(paceactors.congestion, host=str, size=int)
    actor(udpactors.datagrams, host=str, port=int, count=int)
    actor(udpactors.sizes, host=str, each=int, wanted=int)
    actor(setup, host=str)
    actor(choose, host=str, many=int, size=int)
    chosen = vars(parser.parse_args())
    for found in chosen.pop("play")(**chosen):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
