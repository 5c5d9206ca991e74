"""
The real thing: twistd, real sockets, and programs that we did not write.
"""

from __future__ import annotations

import errno
import fcntl
import json
import re
import signal
import socket
import struct
import termios
from collections import Counter
from pathlib import Path
from typing import IO, Any

from twisted.trial.unittest import SynchronousTestCase

from tests.processes import PATIENCE, Program, folder, needs, run, script, start, twistd, until
from tests.schemas import assertConforms
from twisted_netdemo.faults.impairments import Impairments
from twisted_netdemo.faults.model import Conditions, Fates
from twisted_netdemo.faults.trigger import Probability


def unread(pipe: IO[bytes]) -> int:
    """
    How many bytes in a pipe its reader has not taken yet.
    """
    waiting = fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0))
    return int(struct.unpack("i", waiting)[0])


class ImpairCase(SynchronousTestCase):
    """
    A relay under twistd, and a target.
    """

    def impair(self, protocol: str, to: tuple[Any, ...], *options: str, at: str = "") -> int:
        """
        Start it.

        @return: its port.
        """
        host = f"[{to[0]}]" if ":" in to[0] else to[0]
        self.folder = folder(self)
        self.program: Program = twistd(
            self,
            *("impair", "--listen", f"{protocol}:0{at}", "--to", f"{host}:{to[1]}"),
            *("--seed", "42", *options),
            cwd=self.folder,
        )
        port = self.program.line(r"Relaying \w+ \S+:(\d+) to ")[1]
        return int(port)

    def end(self) -> None:
        """
        Stop it as a system does.
        """
        self.program.signal(signal.SIGTERM)
        self.assertEqual(self.program.wait(), -signal.SIGTERM)
        self.assertNotIn("Traceback", self.program.output)

    def truth(self) -> list[dict[str, Any]]:
        """
        Stop it, and read the truth.
        """
        self.end()
        text = Path(self.folder, "truth").read_text()
        lines = [json.loads(line) for line in text.splitlines()]
        assertConforms(self, "impair-truth", *lines)
        return lines

    def socket(
        self, family: int = socket.AF_INET, kind: int = socket.SOCK_DGRAM, bind: str = ""
    ) -> socket.socket:
        made = socket.socket(family, kind)
        self.addCleanup(made.close)
        made.settimeout(PATIENCE)
        if bind:
            made.bind((bind, 0))
        return made


class Datagrams(ImpairCase):
    """
    UDP.
    """

    def test_everySize(self) -> None:
        """
        Datagrams from empty to the largest pass whole, there and back.
        """
        target = self.socket(bind="127.0.0.1")
        port = self.impair("udp", target.getsockname(), "--truth", "truth")
        client = self.socket(bind="127.0.0.1")
        for size in (0, 1, 1472, 9000, 65_507):
            client.sendto(bytes(size), ("127.0.0.1", port))
            data, upstream = target.recvfrom(65_536)
            self.assertEqual(len(data), size)
            target.sendto(data, upstream)
            answer, source = client.recvfrom(65_536)
            self.assertEqual((len(answer), source), (size, ("127.0.0.1", port)))
        *lines, summary = self.truth()
        name = ":".join(map(str, client.getsockname()))
        self.assertEqual({line["client"] for line in lines}, {name})
        up = [(line["n"], line["length"]) for line in lines if line["direction"] == "up"]
        self.assertEqual(up, list(enumerate((0, 1, 1472, 9000, 65_507))))
        self.assertEqual(
            summary["summary"]["down"], {"in": 5, "lost": 0, "out": 5, "unread": 0, "fates": {}}
        )

    def test_ipv6(self) -> None:
        """
        From IPv6 to IPv4, from a client of either family where C{::} is listened on, and to an
        IPv6 target.
        """
        target = self.socket(bind="127.0.0.1")
        port = self.impair("udp", target.getsockname(), at=":interface=::")
        for family, host in ((socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")):
            client = self.socket(family)
            client.sendto(b"question", (host, port))
            data, upstream = target.recvfrom(100)
            target.sendto(data + b" answered", upstream)
            answer, source = client.recvfrom(100)
            self.assertEqual((answer, source[0]), (b"question answered", host))
        self.end()
        target = self.socket(socket.AF_INET6, bind="::1")
        port = self.impair("udp", target.getsockname())
        client = self.socket()
        client.sendto(b"question", ("127.0.0.1", port))
        self.assertEqual(target.recvfrom(100)[0], b"question")
        self.end()

    def test_netcat(self) -> None:
        """
        C{nc -u} through it: the second of three lines is lost, the third arrives twice.
        """
        nc = needs("nc")
        target = self.socket(bind="127.0.0.1")
        port = self.impair("udp", target.getsockname(), "--up-loss", "@2", "--up-duplicate", "@3")
        client = start(self, nc, "-u", "127.0.0.1", str(port), stdin=-1)
        stdin = client.process.stdin
        assert stdin is not None
        seen = []
        for word, copies in (b"one\n", 1), (b"two\n", 0), (b"three\n", 2):
            stdin.write(word)
            stdin.flush()
            # nc makes one datagram of all that it finds there
            until(lambda: not unread(stdin), "nc's reading")
            if not copies:
                self.loseTime(target, port)
            for _ in range(copies):
                data, upstream = target.recvfrom(100)
                seen.append(data)
        self.assertEqual(seen, [b"one\n", b"three\n", b"three\n"])
        target.sendto(b"answer\n", upstream)
        client.line("^answer$")
        self.end()

    def loseTime(self, target: socket.socket, port: int) -> None:
        """
        Wait until nc's datagram has been read by the relay: one of another client's, sent
        after it, has passed.
        """
        other = self.socket()
        other.sendto(b"other", ("127.0.0.1", port))
        self.assertEqual(target.recvfrom(100)[0], b"other")

    def test_udpcount(self) -> None:
        """
        C{nc -u} asks udpcount through it, over IPv6.
        """
        nc = needs("nc")
        server = twistd(self, "udpcount", "--port", "0")
        number = int(server.line(r"running on port (\d+)")[1])
        port = self.impair("udp", ("::1", number), "--delay", "5ms", at=":interface=::1")
        client = start(self, nc, "-u", "::1", str(port), stdin=-1)
        assert client.process.stdin is not None
        client.process.stdin.write(b"123\n")
        client.process.stdin.flush()
        client.line("^Welcome, .'::1', \\d+.$")
        client.line("^You entered 3 characters.$")
        self.end()

    def test_refusal(self) -> None:
        """
        Where nobody listens at the target the log says so at once, and at the end how often it was
        so since; the truth counts it. When somebody listens, the very next datagram arrives.
        """
        placeholder = self.socket(bind="127.0.0.1")
        address = placeholder.getsockname()
        placeholder.close()
        port = self.impair("udp", address, "--truth", "truth")
        client = self.socket()
        for _ in range(3):
            client.sendto(b"lost", ("127.0.0.1", port))
        self.program.line(r"Datagrams do not reach the target: Connection refused")
        target = self.socket()
        target.bind(address)
        client.sendto(b"arrives", ("127.0.0.1", port))
        while (data := target.recvfrom(100)[0]) == b"lost":  # two were perhaps not yet read
            pass
        self.assertEqual(data, b"arrives")
        *lines, summary = self.truth()
        refused = [line["refused"]["client"] for line in lines if "refused" in line]
        self.assertEqual(refused, [f"127.0.0.1:{client.getsockname()[1]}"] * len(refused))
        self.assertEqual(summary["summary"]["refused"], len(refused))
        self.assertIn(f"The target refused {len(refused)} datagram(s)", self.program.output)
        said = re.findall(
            r"do not reach the target: Connection refused \((\d+) since", self.program.output
        )
        self.assertEqual(said, ["1", str(len(refused) - 1)][: len(refused)])

    def test_fateOfManyClients(self) -> None:
        """
        Twenty clients at once: what each one's datagrams met is what the model has for the seed
        and its place, and what the truth says.
        """
        figures = Impairments(loss=Probability(0.2), duplicate=Probability(0.1))
        fates = [Fates(Conditions(figures), 42, "up", place) for place in range(20)]
        copies = [[each.next(n).outcome.copies for n in range(10)] for each in fates]
        target = self.socket(bind="127.0.0.1")
        port = self.impair(
            "udp", target.getsockname(), "--loss", "20%", "--duplicate", "10%", "--truth", "truth"
        )
        clients = [self.socket(bind="127.0.0.1") for _ in range(20)]
        for n in range(10):
            for place, client in enumerate(clients):
                client.sendto(b"%d %d" % (place, n), ("127.0.0.1", port))
        arrived: Counter[tuple[int, int]] = Counter()
        for _ in range(sum(map(sum, copies))):
            place, n = map(int, target.recvfrom(100)[0].split())
            arrived[place, n] += 1
        expected = {(p, n): copies[p][n] for p in range(20) for n in range(10)}
        self.assertEqual({key: count for key, count in expected.items() if count}, dict(arrived))
        places = {f"127.0.0.1:{c.getsockname()[1]}": p for p, c in enumerate(clients)}
        lines = self.truth()[:-1]
        told = {(places[line["client"]], line["n"]): line["copies"] for line in lines}
        self.assertEqual(told, expected)


class Measured(ImpairCase):
    """
    irtt (of Debian) measures through the relay what the relay says that it did.
    """

    def irtt(self, *options: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """
        200 packets of 160 bytes in a second.

        @return: irtt's figures, and the truth of its packets (not of its hand-shake).
        """
        irtt = needs("irtt")
        place = self.socket(bind="127.0.0.1")
        address = place.getsockname()
        place.close()
        server = start(self, irtt, "server", "-i", "0", "-b", f"127.0.0.1:{address[1]}")
        server.line("starting IPv4 listener")
        port = self.impair("udp", address, "--truth", "truth", *options)
        done = run(
            *(irtt, "client", "-i", "5ms", "-d", "1s", "-l", "160", "--wait=1s", "-o", "-", "-q"),
            f"127.0.0.1:{port}",
        )
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        lines = [line for line in self.truth()[:-1] if line["length"] == 160]
        return json.loads(done.stdout)["stats"], lines

    def test_loss(self) -> None:
        """
        As many packets sent, lost on the way up and lost on the way down; and a round trip takes
        both delays at least.
        """
        stats, lines = self.irtt("--loss", "10%", "--delay", "20ms", "--jitter", "5ms")
        up = [line for line in lines if line["direction"] == "up"]
        down = [line for line in lines if line["direction"] == "down"]
        self.assertEqual(stats["packets_sent"], len(up))
        # irtt's server answers each packet with how many it has: the last answer that came tells.
        down.sort(key=lambda line: line["n"])
        came = [place for place, line in enumerate(down, 1) if line["copies"]]
        self.assertEqual(len(down), sum(line["copies"] for line in up))
        self.assertEqual(stats["server_packets_received"], came[-1])
        self.assertEqual(stats["packets_received"], sum(line["copies"] for line in down))
        self.assertEqual(stats["duplicates"], 0)
        self.assertGreater(sum(line["fates"] == ["lost"] for line in up), 0)
        self.assertGreaterEqual(stats["rtt"]["min"], 30_000_000)

    def test_duplicates(self) -> None:
        """
        As many duplicates as both directions made, where none is lost. None at the end: irtt leaves
        as soon as each packet has been answered once.
        """
        stats, lines = self.irtt("--duplicate", "@5-15,40,60-65")
        duplicated = sum("duplicated" in line["fates"] for line in lines)
        self.assertGreater(duplicated, 10)
        self.assertEqual(stats["duplicates"], duplicated)


class Streams(ImpairCase):
    """
    TCP.
    """

    def through(self, *options: str) -> tuple[socket.socket, socket.socket]:
        """
        Both ends of a connection through the relay.
        """
        listener = self.socket(kind=socket.SOCK_STREAM, bind="127.0.0.1")
        listener.listen()
        port = self.impair("tcp", listener.getsockname(), *options)
        client = self.socket(kind=socket.SOCK_STREAM)
        client.connect(("127.0.0.1", port))
        server, _ = listener.accept()
        self.addCleanup(server.close)
        server.settimeout(PATIENCE)
        return client, server

    def read(self, source: socket.socket) -> bytes:
        data = b""
        while chunk := source.recv(65536):
            data += chunk
        return data

    def test_halfClose(self) -> None:
        """
        C{nc -N} half-closes after its question and still reads the answer; the truth has both.
        """
        nc = needs("nc")
        listener = self.socket(kind=socket.SOCK_STREAM, bind="127.0.0.1")
        listener.listen()
        port = self.impair(
            *("tcp", listener.getsockname(), "--delay", "10ms", "--jitter", "5ms"),
            *("--truth", "truth"),
        )
        client = start(self, nc, "-N", "127.0.0.1", str(port), stdin=-1)
        server, _ = listener.accept()
        self.addCleanup(server.close)
        server.settimeout(PATIENCE)
        assert client.process.stdin is not None
        client.process.stdin.write(b"question\n")
        client.process.stdin.close()
        self.assertEqual(self.read(server), b"question\n")
        server.sendall(b"answer\n")
        server.close()
        self.assertEqual(client.wait(), 0)
        self.assertEqual(client.output, "answer\n")
        opened, closed, summary = self.truth()
        self.assertEqual(opened["opened"]["client"], closed["closed"]["client"])
        self.assertEqual(closed["closed"]["by"], "client")
        self.assertEqual(summary["summary"]["up"], {"in": 9, "out": 9})
        self.assertNotIn("factory", self.program.output)

    def test_aMegabyte(self) -> None:
        """
        A megabyte in small pieces, delayed and jittered, to a reader that is late: intact.
        """
        client, server = self.through("--slice", "700", "--jitter", "3ms", "--delay", "3ms")
        data = bytes(range(256)) * 4096
        client.setblocking(False)
        sent = client.send(data)
        client.setblocking(True)
        client.settimeout(PATIENCE)
        received = server.recv(1000)
        received += server.recv(65536)
        while sent < len(data):
            sent += client.send(data[sent : sent + 65536])
            received += server.recv(65536)
        client.shutdown(socket.SHUT_WR)
        received += self.read(server)
        self.assertEqual(received, data)
        self.end()

    def test_slice(self) -> None:
        """
        The target's system counts as many segments as there are pieces.
        """
        client, server = self.through("--slice", "10")
        client.sendall(bytes(300))
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(len(self.read(server)), 300)
        # struct tcp_info of linux/tcp.h: tcpi_data_segs_in
        info = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        self.assertGreaterEqual(int.from_bytes(info[152:156], "little"), 30)
        self.end()

    def test_resetAfter(self) -> None:
        """
        After so many bytes down, the client's connection is reset, and the target's too.
        """
        client, server = self.through("--down-reset-after", "1000")
        server.sendall(bytes(5000))
        data = b""
        with self.assertRaises(ConnectionResetError):
            while chunk := client.recv(100):
                data += chunk
        self.assertEqual(len(data), 1000)
        with self.assertRaises(OSError) as caught:
            while server.recv(100):
                pass
        self.assertEqual(caught.exception.errno, errno.ECONNRESET)
        self.end()

    def test_hangAfter(self) -> None:
        """
        After so many bytes, nothing comes, and no end either.
        """
        client, server = self.through("--up-hang-after", "5")
        client.sendall(b"12345678")
        self.assertEqual(server.recv(100), b"12345")
        server.sendall(b"anyone?")
        client.shutdown(socket.SHUT_WR)
        for end in (client, server):
            end.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                end.recv(100)
        self.end()

    def test_stop(self) -> None:
        """
        Stopped in mid-text, to an IPv6 target, it resets both ends: neither takes the part that it
        has for the whole.
        """
        listener = self.socket(socket.AF_INET6, socket.SOCK_STREAM, bind="::1")
        listener.listen()
        port = self.impair("tcp", listener.getsockname(), "--rate", "1mbit")
        client = self.socket(kind=socket.SOCK_STREAM)
        client.connect(("127.0.0.1", port))
        server, _ = listener.accept()
        self.addCleanup(server.close)
        server.settimeout(PATIENCE)
        client.sendall(bytes(50_000))
        self.assertGreater(len(server.recv(1000)), 0)
        self.end()
        for end in (client, server):
            with self.assertRaises(ConnectionResetError):
                while end.recv(65536):
                    pass

    def test_refused(self) -> None:
        """
        A target where nobody listens resets the client.
        """
        place = self.socket(kind=socket.SOCK_STREAM, bind="127.0.0.1")
        address = place.getsockname()
        place.close()
        port = self.impair("tcp", address)
        client = self.socket(kind=socket.SOCK_STREAM)
        client.connect(("127.0.0.1", port))
        with self.assertRaises(ConnectionResetError):
            client.recv(100)
        self.program.line("Connections do not reach the target: Connection was refused")
        self.end()


class CommandLine(SynchronousTestCase):
    """
    Wrong options, a busy port, a path that cannot be written: one line, status 1.
    """

    def test_mistakes(self) -> None:
        """
        The last line names the option and the value.
        """
        for options, last in (
            (
                "--loss 150%",
                "--loss: '150%' is neither a ratio (0% to 100%) nor positions (@2,5-7)",
            ),
            (
                "--delay 20",
                "--delay: '20' is not a duration (a number with us, ms, s, m or h, as in 20ms)",
            ),
            (
                "--truth /nonexistent/x",
                "--truth: '/nonexistent/x' cannot be written: No such file or directory.",
            ),
        ):
            done = run(
                *(script("twistd"), "-n", "impair", "--listen", "udp:0", "--to", "127.0.0.1:9"),
                *options.split(),
                cwd=folder(self),
            )
            self.assertEqual(done.returncode, 1)
            printed = (done.stdout + done.stderr).decode()
            self.assertTrue(printed.endswith(f"{last}\n"), printed)
            self.assertNotIn("Traceback", printed)

    def test_busyPort(self) -> None:
        """
        A port that another program has.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
            busy.bind(("127.0.0.1", 0))
            port = busy.getsockname()[1]
            for runner, status in (("twistd", 1), ("twist", 1)):
                done = run(
                    script(runner),
                    *(["-n"] if runner == "twistd" else []),
                    *("impair", "--listen", f"udp:{port}", "--to", "127.0.0.1:9"),
                    cwd=folder(self),
                )
                self.assertEqual(done.returncode, status)
                self.assertTrue(
                    done.stderr.decode().startswith(f"Port {port} is in use by another program"),
                    done.stderr,
                )

    def test_drawnSeed(self) -> None:
        """
        A seed that was drawn is in the log, to be given again.
        """
        program = twistd(self, "impair", "--listen", "udp:0", "--to", "127.0.0.1:9")
        self.assertTrue(re.fullmatch(r"\d+", program.line(r"seed (\d+) \(drawn\)")[1]))
        program.signal(signal.SIGINT)
        program.wait()
        self.assertNotIn("Traceback", program.output + program.errors)
