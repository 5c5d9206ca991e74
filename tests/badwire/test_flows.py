"""
Real runs on a wire that harms some flows alone, or has one version of IP.
"""

from __future__ import annotations

from tests.badwire.cases import WireCase

#: Asks a name server from a new socket each time, as resolvers do, three times at most.
CLIENT = """
import socket
question = bytes.fromhex("000701000001000000000000036661720477697265000001" "0001")
for attempt in range(3):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.2)
        asking.sendto(question, ("10.77.0.2", 53))
        try:
            answer = asking.recv(512)
        except TimeoutError:
            continue
        print("attempt", attempt + 1, socket.inet_ntoa(answer[-4:]))
        break
else:
    print("no answer")
"""


class FlowsTests(WireCase):
    """
    Which flows meet the figures.
    """

    def ask(self, *options: str) -> str:
        """
        What a client finds that asks again from a new socket.
        """
        command = (self.who()[-1], "-c", CLIENT)
        return self.said("--names", "-4", "--up-loss", "@1", *options, "--", *command).strip()

    def test_asksAgain(self) -> None:
        """
        The first packet of every flow is lost to a client that asks again from a new socket, so
        that it never gets an answer; with C{--flows 1} the second question is answered.
        """
        self.assertEqual(self.ask(), "no answer")
        self.assertEqual(self.ask("--flows", "1"), "attempt 2 10.77.0.2")


class FamilyTests(WireCase):
    """
    A network with one version of IP.
    """

    def test_one(self) -> None:
        """
        Names have addresses of that version alone, and the wire has no other address; the variables
        say the same, and the name server across the wire has it too.
        """
        command = (
            "getent ahosts far.wire | sort -u | grep STREAM; getent ahosts localhost | grep STREAM;"
            "echo $WIRE_FAR $WIRE_FAR6; ip -o addr show wire | grep -o 'inet6* [^/]*'"
        )
        for option, far, here, near in (
            ("-4", "10.77.0.2", "127.0.0.1", "inet 10.77.0.1"),
            ("-6", "fd77::2", "::1", "inet6 fd77::1"),
        ):
            for names in ([], ["--names"]):
                words = self.said(option, *names, "--", "sh", "-c", command).split()
                found = [far, "STREAM", *([] if names else ["far.wire"])]
                self.assertEqual(words[:2], found[:2], words)
                self.assertIn(f"{far} {near}", " ".join(words))
                if not names:
                    self.assertIn(here, words)
