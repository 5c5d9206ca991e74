"""
Each lesson once more, where what it shows does not happen: C{python -m tests.badwire.tampered
[LESSON...]}, as CI does it once.

The wire is a good one after all, or a server or a program does something else; the lesson must say
which of its figures is another one, and not be seen. Prints a line for each; exit status 1 if a
lesson was seen all the same.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

from twisted_netdemo.badwire.cli.lesson import LESSONS
from twisted_netdemo.badwire.lessons.lesson_run import LessonRun

_BADWIRE = "import sys; from twisted_netdemo.badwire.cli.command import main; sys.exit(main())"
_ACTORS = "from twisted_netdemo.badwire.lessons.programs.actor import main; main()"

#: The wire does nothing to its packets, whatever it is asked for.
_GOOD = """
import sys
from twisted_netdemo.faults.kinds import FAULTS
kinds = [*(fault.name for fault in FAULTS), "reorder-gap", "delay", "blackout"]
names = {f"--{way}{kind}" for way in ("", "up-", "down-") for kind in kinds}
end = sys.argv.index("--")
places = [at for at in range(end) if {sys.argv[at], sys.argv[at - 1]} & names]
sys.argv = [word for at, word in enumerate(sys.argv) if at not in places]
"""


@dataclass(frozen=True)
class Tampering:
    """
    @ivar lesson: its name.
    @ivar how: what is otherwise.
    @ivar misses: a pattern of each figure that the lesson must complain of.
    @ivar badwire: what Python runs before badwire.
    @ivar programs: what it runs before the lesson's programs.
    """

    lesson: str
    how: str
    misses: tuple[str, ...]
    badwire: str = ""
    programs: str = ""


TAMPERED = (
    Tampering(
        "address",
        "the server says another port than the client's",
        ("ports seen: .*, not",),
        badwire="""
import twisted_netdemo.messages as welcome
welcome.greeting = lambda peer: b"Welcome, ('10.77.0.2', 7)\\n"
""",
    ),
    Tampering(
        "names",
        "the name server fails for what it should deny",
        ("the error's number \\(EAI_NONAME\\): -[^2]", "codes of the answers: .2., not .3."),
        badwire="""
from twisted.names import dns, server
send = server.DNSServerFactory.sendReply
def fail(self, protocol, message, address):
    if message.rCode == dns.ENAME:
        message.rCode, message.authority = dns.ESERVER, []
    send(self, protocol, message, address)
server.DNSServerFactory.sendReply = fail
""",
    ),
    Tampering(
        "ports",
        "nobody listens at the port that is said to be taken, and 79 is called otherwise",
        ("51423 by TCP: 51,423, not", "the name of 79: 'unknown', not"),
        badwire="import sys; at = sys.argv.index('--serve'); del sys.argv[at : at + 2]",
        programs="""
import socket
known = socket.getservbyport
socket.getservbyport = lambda port, name: "unknown" if port == 79 else known(port, name)
""",
    ),
    Tampering(
        "checksum",
        "the wire damages nothing",
        ("segments discarded: 0, not 2", "a change: no, not yes"),
        badwire=_GOOD,
    ),
    Tampering(
        "resend",
        "the wire loses nothing",
        (
            "times that the bytes left: 1, not 5",
            "probes counted: 0, not 1",
            "the least growth: nothing",
            "acknowledgements lost: 0, not 2",
        ),
        badwire=_GOOD,
    ),
    Tampering(
        "order",
        "the wire keeps the order",
        ("segments held back: 0, not 2", "segments ignored: 0, not 1"),
        badwire=_GOOD,
    ),
    Tampering(
        "lines",
        "each line travels alone, and the right program stops before the last one",
        ("pieces of several lines: 0, not 1", "lines read: 4, not 5"),
        badwire=_GOOD,
        programs="""
import time
from twisted_netdemo.badwire.lessons.programs import line_reading
class Slow(tuple):
    def __iter__(self):
        for line in tuple.__iter__(self):
            yield line
            time.sleep(0.1)
line_reading.TEXT = Slow(b"%d\\n" % number for number in range(5))
byLines = line_reading.byLines
line_reading.byLines = lambda connection: list(byLines(connection))[:4]
""",
    ),
    Tampering(
        "window",
        "the reader reads at once",
        ("seconds of the pause: 0", "questions for room: 0, not 1"),
        programs="""
from twisted_netdemo.badwire.lessons.programs import flow_control
window = flow_control.window
def quick(host, size, rest):
    "Quick."
    return window(host, size, 0)
quick.__name__ = "window"
flow_control.window = quick
""",
    ),
    Tampering(
        "congestion",
        "the wire loses nothing",
        ("segments more, each round trip: nothing", "reno's part: "),
        badwire=_GOOD,
    ),
    Tampering(
        "giveup",
        "the line never dies",
        ("SYNs: 1, not 2", "the error: 'timed out', not 'Connection timed out'"),
        badwire=_GOOD,
    ),
    Tampering(
        "silence",
        "the line never dies",
        ("questions: 0, not 2", "the error: nothing", "bytes arrived: 21, not 0"),
        badwire=_GOOD,
    ),
    Tampering(
        "closing",
        "the client reads all before it closes",
        ("RSTs: 0, not 1", "FINs: 1, not 0", "bytes unread: 0, not 994", "the error: nothing"),
        programs="""
import socket
from twisted_netdemo.badwire.lessons.programs import connection_ends
class Patient(socket.socket):
    __slots__ = ()
    def recv(self, size, flags=0):
        return b"" if flags else super().recv(1 << 16)
connected = connection_ends.connected
def patient(host, port):
    client = connected(host, port)
    client.__class__ = Patient
    return client
connection_ends.connected = patient
""",
    ),
    Tampering(
        "datagrams",
        "the server halves each count",
        (r"answers that count rightly: \d, not",),
        badwire="""
import twisted_netdemo.messages as welcome
count = welcome.count
welcome.count = lambda line, unit: count(line, unit) // 2
""",
    ),
    Tampering(
        "size",
        "the wire loses nothing",
        ("of 65,507 bytes arrived: 40, not 0 to 12",),
        badwire=_GOOD,
    ),
    Tampering(
        "setup",
        "the wire has no delay",
        ("seconds by UDP: 0.0., not 0.20", "seconds by TCP: 0.0", "seconds, 2nd: 0.0"),
        badwire=_GOOD,
    ),
    Tampering(
        "choose",
        "the bad wire is a good one",
        ("questions unanswered: 0, not 1", "bytes that did not arrive: 0, not"),
        badwire=_GOOD,
    ),
    Tampering(
        "sockets",
        "the wire loses nothing",
        ("segments lost: 0, not 1", "packets lost: 0, not 2"),
        badwire=_GOOD,
    ),
)


def tampered(tampering: Tampering) -> tuple[bool, list[str], list[str]]:
    """
    Give a lesson in which something is otherwise.

    @return: whether it was seen all the same, what it complained of, and which patterns it did not
        complain of.
    """
    told: list[str] = []
    stage = LessonRun(
        told.append,
        width=1000,
        badwire=(sys.executable, "-c", f"{tampering.badwire}\n{_BADWIRE}"),
        programs=(sys.executable, "-c", f"{tampering.programs}\n{_ACTORS}"),
    )
    LESSONS[tampering.lesson](stage)
    said = [line for line in told if line.startswith("Not seen here: ")]
    lacking = [miss for miss in tampering.misses if not re.search(miss, "\n".join(said))]
    return stage.isSeen, said, lacking


def main(names: list[str]) -> int:
    """
    @return: the exit status.
    """
    wrong = 0
    for tampering in TAMPERED:
        if names and tampering.lesson not in names:
            continue
        isSeen, said, lacking = tampered(tampering)
        print(f"{tampering.lesson}: {tampering.how}", *said, sep="\n  ", flush=True)
        if isSeen or lacking:
            print(f"  SEEN ALL THE SAME: {'; '.join(lacking)}")
            wrong += 1
    print(f"{len(names) or len(TAMPERED)} lessons tampered with, {wrong} seen all the same")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
