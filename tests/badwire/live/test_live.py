"""
Tests of badwire live as a program, with the real kernel.
"""

from __future__ import annotations

import json
import signal
import socket

from twisted.python.usage import UsageError

from tests.badwire import users
from tests.badwire.cases import BADWIRE, WireCase, inProcess
from tests.badwire.live.client import Event, LiveClient
from tests.processes import Program, start, twistd
from twisted_netdemo.badwire.live.tap import Options

TEXT = "Grüße, \u4e16\u754c <script>alert(1)</script>"


class LiveCase(WireCase):
    def live(self, *arguments: str) -> tuple[Program, LiveClient]:
        """
        Start it, and read the URL.
        """
        program = start(self, *self.who(), *BADWIRE, "live", *arguments)
        url = program.line(r"\Ahttp://127\.0\.0\.1:\d+/[\w-]{32,}/$")[0]
        return program, LiveClient(url)


def of(events: list[Event], kind: str) -> list[Event]:
    """
    The events of a kind.
    """
    return [event for event in events if event["event"] == kind]


class RunTests(LiveCase):
    """
    The user that runs the tests.
    """

    def test_run(self) -> None:
        """
        Lines go to the far end and come back counted, by TCP and by UDP; both ends tell what they
        saw, and so does the kernel. A second page sees the same, and a page that comes back sees
        nothing twice. Ctrl-C ends it all with status 0 and one line on stdout.
        """
        program, page = self.live("--seed", "7")
        page.open()
        hello = page.saw(event="hello")
        self.assertEqual((hello["seed"], hello["figures"]), (7, {"up": {}, "down": {}}))
        for protocol, read in (("tcp", f"{TEXT}\n"), ("udp", TEXT)):
            self.assertEqual(page.post("say", protocol=protocol, text=TEXT), {})
            page.saw(event="program", side="far", protocol=protocol, what="read", text=read)
        answer = f"You entered {len(TEXT)} characters.\n"

        def answered(events: list[Event]) -> bool:
            texts = [each["text"] for each in of(events, "program") if each["side"] == "near"]
            return sum(text.endswith(answer) for text in texts) == 2

        page.wait(answered, "the answers")
        page.wait(lambda events: of(events, "kernel"), "the kernel's sockets")
        rows = "TCP segments sent", "UDP datagrams arrived"

        def equal(events: list[Event]) -> bool:
            last = of(events, "counters")[-1]["rows"]
            names = {row["name"] for row in last if row["equal"] and row["log"]}
            return names >= set(rows)

        page.wait(equal, "equal counters")
        flows = {(each["protocol"], each["flow"]) for each in of(page.events, "program")}
        self.assertEqual(flows, {("tcp", 0), ("udp", 1)})

        last = page.last
        page.close()
        page.post("say", protocol="udp", text="while away")
        page.open(last)
        page.saw(event="program", side="near", what="wrote", text="while away")
        again = LiveClient(f"http://{page._host}{page._path}")
        again.open()
        again.saw(event="program", side="near", what="wrote", text="while away")
        numbers = [each["n"] for each in of(page.events, "sent")]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(of(again.events, "sent")[: len(numbers)], of(page.events, "sent"))

        self.assertIn("<svg", page.get("export/svg").decode())
        self.assertEqual(page.get("export/pcap")[:4], b"\n\r\r\n")
        log = [json.loads(line) for line in page.get("export/log").splitlines()]
        self.assertEqual(
            [each["n"] for each in log if each["event"] == "sent"][: len(numbers)], numbers
        )
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), 0, program.errors)
        page.saw(event="over")
        self.assertEqual(program.output.count("\n"), 1)

    def test_wire(self) -> None:
        """
        Figures change while it runs; a slow reader closes the window until it is told to read; a
        packet under way is lost, and one that has arrived is not; the run is ended on the page.
        """
        program, page = self.live("window", "--port", "0")
        page.open()
        lesson = page.saw(event="hello")["lesson"]
        self.assertEqual((lesson["name"], lesson["reader"]), ("window", "slow"))
        self.assertEqual(page.post("figures", direction="both", figures={"delay": ""}), {})
        page.saw(event="changed", direction="both", figures={"delay": "0ms"})
        wrong = page.post("figures", direction="up", figures={"loss": "200%"})
        self.assertEqual((wrong[0], wrong[1]["figure"]), (400, "up-loss"))

        page.post("transfer", bytes=300_000, reader="slow")

        def closed(events: list[Event]) -> bool:
            sockets = of(events, "kernel")[-1:]
            return any(each["timer"] == "probe" for last in sockets for each in last["sockets"])

        page.wait(closed, "a closed window")
        page.wait(lambda events: events[-1] if of(events, "sent")[-1]["window"] == 0 else None, "0")
        self.assertEqual(
            [each for each in of(page.events, "program") if each["what"] == "read"], []
        )
        page.post("transfer", bytes=0, reader="fast")
        page.saw(event="program", side="near", what="read", text="300000 bytes read\r\n")
        far = [each for each in of(page.events, "program") if each["side"] == "far"]
        self.assertEqual(sum(each["bytes"] for each in far if each["what"] == "read"), 300_000)

        page.post("figures", direction="up", figures={"delay": "20s"})
        first = of(page.events, "sent")[-1]["n"] + 1
        page.post("say", protocol="udp", text="slow")
        packet = page.wait(
            lambda events: [each for each in of(events, "sent") if each["n"] >= first], "a packet"
        )[0]
        self.assertEqual(page.post("lose", n=packet["n"]), {})
        page.saw(event="taken", n=packet["n"])
        self.assertEqual(page.post("lose", n=packet["n"])[0], 409)
        self.assertEqual(page.post("lose", n=packet["n"] + 9000)[0], 409)
        self.assertEqual(page.post("lose", next="up", what="data"), {})
        page.post("say", protocol="udp", text="chosen")
        page.saw(event="sent", fates=["chosen"])

        self.assertEqual(page.post("figures", direction="down", figures={"blackout": "on"}), {})
        page.saw(event="changed", direction="down", figures={"line": "cut"})
        state = json.loads(page.get("state"))
        self.assertEqual(state["figures"]["down"], {"blackout": "on"})
        self.assertEqual(page.post("stop"), {})
        self.assertEqual(program.wait(), 0, program.errors)
        self.assertIn("on the page", page.saw(event="over")["why"])

    def test_linger(self) -> None:
        """
        It ends when its last page has been closed for so long, and not while another is open.
        """
        program, page = self.live("--linger", "0.2s")
        other = LiveClient(f"http://{page._host}{page._path}")
        page.open()
        other.open()
        page.saw(event="hello")
        page.close()
        other.saw(event="hello")
        self.assertEqual(other.post("say", protocol="udp", text="still there"), {})
        other.saw(event="program", side="near", what="read")
        other.close()
        self.assertEqual(program.wait(), 0, program.errors)

    def test_refusals(self) -> None:
        """
        A port that is taken, a lesson that the page has not, and a COMMAND are a line each.
        """
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            done = self.badwire("live", "--port", port)
        self.assertEqual((done.returncode, done.stdout), (125, b""), done)
        self.assertRegex(done.stderr.decode(), rf"\Abadwire: --port {port}: .+\n\Z")
        for words in (("names",), ("resend", "order"), ("resent",), ("--linger", "x")):
            done = inProcess("live", *words)
            self.assertEqual((done.returncode, done.stdout), (2, b""), done)
            self.assertEqual(done.stderr.count(b"\n"), 1)
        self.assertIn(b"did you mean resend?", inProcess("live", "resent").stderr)


class OrdinaryTests(LiveCase):
    """
    An ordinary user.
    """

    who = staticmethod(users.ordinary)

    def test_run(self) -> None:
        """
        It works all the same.
        """
        program, page = self.live("-q")
        page.open()
        page.post("say", protocol="tcp", text=TEXT)
        page.saw(event="program", side="far", what="read", text=f"{TEXT}\n")
        page.wait(lambda events: of(events, "kernel"), "the kernel's sockets")
        program.signal(signal.SIGINT)
        self.assertEqual(program.wait(), 0, program.errors)
        self.assertEqual(program.errors, "")


class TwistdTests(LiveCase):
    """
    Under twistd.
    """

    def test_run(self) -> None:
        """
        C{twistd badwire --live} serves the same page.
        """
        program = twistd(self, "badwire", "--live", "--seed", "3", "resend")
        page = LiveClient(program.line(r"^http://127\.0\.0\.1:\d+/[\w-]{32,}/$")[0])
        page.open()
        hello = page.saw(event="hello")
        self.assertEqual((hello["seed"], hello["lesson"]["name"]), (3, "resend"))
        self.assertEqual(page.post("stop"), {})
        self.assertEqual(program.wait(), 0, program.errors)

    def test_without(self) -> None:
        """
        Without --live there is a COMMAND, and the page's options are a mistake.
        """
        options = Options()
        options.parseOptions(["--loss", "10%", "--", "true", "--live"])
        self.assertEqual((options["live"], options.command), (0, ("true", "--live")))
        for words in (["--port", "1"], ["--linger", "1s"]):
            self.assertRaises(UsageError, Options().parseOptions, words)
        options = Options()
        options.parseOptions(["--live", "--up-delay", "1s", "resend"])
        self.assertEqual(options.plan.texts["up"]["delay"], "1s")
        self.assertEqual(options.plan.texts["down"]["delay"], "200ms")
        self.assertEqual(options.command, ())
