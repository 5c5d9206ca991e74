"""
C{badwire-actor}: the programs that the lessons run on the wire.

They use plain blocking sockets, so that only the kernel's TCP and UDP act. Each program prints its
findings as lines of JSON. Its own servers listen near, and are reached at the far address.
"""

from __future__ import annotations

import argparse
import inspect
import json
from collections.abc import Callable, Iterator

from twisted_netdemo.badwire.lessons.programs import (
    connection_ends,
    flow_control,
    line_reading,
    names_and_ports,
    tcp_exchange,
    udp_exchange,
)
from twisted_netdemo.badwire.lessons.programs.tcp_exchange import Findings


def setup(host: str) -> Iterator[Findings]:
    """
    The time to the first answer: by UDP, by TCP, and by TCP Fast Open twice.
    """
    with udp_exchange.serving(udp_exchange.echo):
        yield {"how": "UDP", "seconds": udp_exchange.firstAnswer(host)}
    with tcp_exchange.serving(tcp_exchange.answerLines):
        for how, fast in (("TCP", False), ("Fast Open, 1st", True), ("Fast Open, 2nd", True)):
            try:
                yield {"how": how, "seconds": tcp_exchange.firstAnswer(host, fast)}
            except OSError as error:
                yield {"how": how, **tcp_exchange.failure(error)}


def choose(host: str, many: int, size: int) -> Iterator[Findings]:
    """
    One question, MANY questions and SIZE bytes, by UDP and by TCP.
    """
    with udp_exchange.serving(udp_exchange.echo):
        for count in (1, many):
            yield {"by": "UDP", "what": "questions", **udp_exchange.questions(host, count)}
    yield {"by": "UDP", "what": "bytes", **udp_exchange.stream(host, size)}
    with tcp_exchange.serving(tcp_exchange.answerLines):
        for count in (1, many):
            yield {"by": "TCP", "what": "questions", **tcp_exchange.questions(host, count)}
    for found in tcp_exchange.carry(host, size):
        yield {"by": "TCP", "what": "bytes", **found}


def main() -> None:
    """
    Run the program that is named on the command line.
    """
    parser = argparse.ArgumentParser(prog="badwire-actor", description="Programs for a bad wire.")
    actors = parser.add_subparsers(required=True, metavar="ACTOR")

    def actor(
        play: Callable[..., Iterator[Findings]], **arguments: Callable[[str], object]
    ) -> None:
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

    actor(tcp_exchange.ask, host=str, port=int, questions=str)
    actor(tcp_exchange.carry, host=str, size=int)
    actor(names_and_ports.resolve, names=str)
    actor(names_and_ports.ports, taken=int)
    actor(connection_ends.call, host=str, port=int, attempts=int, patience=float)
    actor(connection_ends.speak, host=str, patience=float)
    actor(connection_ends.silence, host=str, patience=float)
    actor(connection_ends.closing, host=str)
    actor(connection_ends.reset, host=str, size=int)
    actor(line_reading.readLines, host=str)
    actor(line_reading.gopher, host=str)
    actor(flow_control.window, host=str, size=int, rest=float)
    actor(flow_control.congestion, host=str, size=int)
    actor(udp_exchange.datagrams, host=str, port=int, count=int)
    actor(udp_exchange.sizes, host=str, each=int, wanted=int)
    actor(setup, host=str)
    actor(choose, host=str, many=int, size=int)
    chosen = vars(parser.parse_args())
    for found in chosen.pop("play")(**chosen):
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
