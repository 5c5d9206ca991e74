"""
gopherfetch against servers that others wrote, and beside curl.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.certificates import fingerprint, writeCertificate
from tests.gopher.peers import BINARY, TEXT, gophernicus, pygopherd, smolserve
from tests.processes import folder, needs, run, script

GOPHERFETCH = script("gopherfetch")


def gopherfetch(*arguments: str, **options: Any) -> tuple[int, bytes, str]:
    """
    Its exit status, its output and its messages.
    """
    done = run(GOPHERFETCH, *arguments, **options)
    return done.returncode, done.stdout, done.stderr.decode()


class ServerTestCase(SynchronousTestCase):
    def parity(self, base: str, paths: Sequence[str]) -> None:
        """
        For each of these paths --raw prints the same bytes as curl.
        """
        curl, urls = needs("curl"), [f"{base}/{path}" for path in paths]
        expected = [run(curl, "-s", "--path-as-is", url).stdout for url in urls]
        self.assertNotIn(b"", expected)
        out = gopherfetch("--raw", *urls)[1]
        for path, each in zip(paths, expected, strict=True):
            self.assertEqual(out[: len(each)], each, path)
            out = out[len(each) :]
        self.assertEqual(out, b"")

    def missing(self, urls: Sequence[str], words: str) -> None:
        """
        Each of these URLs is an error, with these words among the server's.
        """
        status, out, said = gopherfetch(*urls)
        self.assertEqual((status, out), (22, b""))
        lines = said.splitlines()
        self.assertEqual(len(lines), len(urls), said)
        for url, line in zip(urls, lines, strict=True):
            self.assertTrue(line.startswith(f"Error: {url}: "), line)
            self.assertIn(words, line)

    def shown(self, *arguments: str) -> str:
        status, out, said = gopherfetch(*arguments)
        self.assertEqual((status, said), (0, ""), arguments)
        return out.decode()


class SmolserveTests(ServerTestCase):
    def test_all(self) -> None:
        """
        A server by the book: a text comes back as it is on its disk, a binary too, a menu is a
        list that can be walked, and a missing resource is reported in its words.
        """
        base, _ = smolserve(self)
        self.parity(
            base, ["", "1/sub", "0/text.txt", "9/binary.bin", "0/no%20such", "0/sub/../x;y?z"]
        )
        self.assertEqual(self.shown(f"{base}/0/text.txt"), TEXT.decode())
        output = folder(self) / "b"
        self.assertEqual(gopherfetch(f"{base}/9/binary.bin", "-o", str(output)), (0, b"", ""))
        self.assertEqual(output.read_bytes(), BINARY)
        menu = self.shown(base)
        self.assertIn(f"1  sub  [menu]  {base}/1/sub\n", menu)
        self.assertEqual(self.shown(base, "--item", "1", "--item", "1"), "leaf\n")
        self.assertEqual(gopherfetch(f"{base}/0/nope"), (22, b"", "Error: Item not found: /nope\n"))


class PygopherdTests(ServerTestCase):
    def test_all(self) -> None:
        """
        A server that sends files as they are, menus without a final '.', and Gopher+ fields.
        """
        base, root = pygopherd(self)
        (root / "l\xe9".encode("latin-1").decode("utf-8", "surrogateescape")).write_bytes(
            b"latin\n"
        )
        self.parity(base, ["", "1/sub", "0/text.txt", "9/binary.bin", "0/nope", "0/l%E9"])
        self.assertEqual(self.shown(f"{base}/0/text.txt"), TEXT.decode())
        self.assertEqual(gopherfetch(f"{base}/9/binary.bin"), (0, BINARY, ""))
        document = json.loads(self.shown("--json", base))
        names = [item["text"] for item in document["items"]]
        self.assertIn("text.txt", names)
        (odd,) = [item for item in document["items"] if item["text"] == "l\xe9"]
        self.assertEqual(odd["url"], f"{base}/0/l%E9")
        self.assertEqual(self.shown(odd["url"]), "latin\n")
        status, out, said = gopherfetch(f"{base}/0/nope")
        self.assertEqual((status, out), (22, b""))
        self.assertIn("Error: '/nope' does not exist", said)

    def test_plus(self) -> None:
        """
        Its answers to Gopher+ requests are saved without their status line, which --raw shows.
        """
        base, _ = pygopherd(self)
        url, output = f"{base}/9/binary.bin%09%09+", folder(self) / "o"
        self.assertEqual(gopherfetch(url, "-o", str(output)), (0, b"", ""))
        self.assertEqual(output.read_bytes(), BINARY)
        raw = b"+%d\r\n" % len(BINARY) + BINARY
        self.assertEqual(gopherfetch(url, "--raw"), (0, raw, ""))
        self.parity(base, ["9/binary.bin%09%09+", "0/nope%09%09+"])
        self.assertIn("[text]", self.shown(f"{base}/1%09%09+"))
        self.missing(
            [f"{base}/{path}%09%09+" for path in ("9/nope", "0/nope", "1/nope")],
            "'/nope' does not exist",
        )

    def test_overTLS(self) -> None:
        """
        Over TLS a certificate is verified or pinned, and the menu's items stay on TLS.
        """
        made = folder(self)
        certificate = writeCertificate(made, "server")
        base, _ = pygopherd(self, certificate)
        cafile = ["--cafile", str(certificate[0])]
        # this server closes TCP without ending TLS first, which others could do in its place
        rude = "suspect: TLS ended without close_notify\n"
        status, out, said = gopherfetch(base, *cafile)
        self.assertEqual((status, said), (0, rude))
        self.assertIn(f"[text]  {base}/0/text.txt\n", out.decode())
        status, out, said = gopherfetch(base)
        self.assertEqual((status, out), (60, b""))
        self.assertRegex(said, r"\AError connecting to server: the certificate .*authority\n\Z")
        where = base.removeprefix("gophers://")
        pinned = f"pinned {where}: SHA-256 {fingerprint(certificate[0])}\n"
        data = {"XDG_DATA_HOME": str(made / "data")}
        url = f"{base}/0/text.txt"
        said = pinned + f"{url}: {rude}" * 2
        self.assertEqual(gopherfetch("--tofu", url, url, env=data), (0, TEXT * 2, said))
        pins = made / "data" / "gopherfetch" / "pins"
        pins.write_text(f"{where} {'0' * 64}\n")
        status, out, said = gopherfetch("--tofu", base, env=data)
        self.assertEqual((status, out), (60, b""))
        self.assertIn("0" * 64, said)
        self.assertIn(fingerprint(certificate[0]), said)


class GophernicusTests(ServerTestCase):
    def test_all(self) -> None:
        """
        A server that ends no text, runs searches, and reports what is missing in two ways.
        """
        base, _ = gophernicus(self)
        document = json.loads(self.shown("--json", base))
        (odd,) = [item for item in document["items"] if item["text"].startswith("a b.txt")]
        self.assertEqual(odd["selector"], "/a#040b.txt")  # its own way to write a space
        self.assertEqual(self.shown(odd["url"]), "odd\n")
        search = "7/cgi-bin/search"
        self.parity(
            base,
            ["", "1/sub/", "0/text.txt", "9/binary.bin", "0/nope", "1/nope/", f"{search}%09a%20b"],
        )
        self.assertEqual(self.shown(f"{base}/0/text.txt"), TEXT.decode())
        self.assertEqual(gopherfetch(f"{base}/9/binary.bin"), (0, BINARY, ""))
        self.assertIn(
            f"1  Found two words  [text]  {base}/0/text.txt\n",
            self.shown(f"{base}/{search}", "--search", "two words"),
        )
        self.missing([f"{base}/{path}" for path in ("0/nope", "9/nope", "1/nope/")], "not found")

    def test_footer(self) -> None:
        """
        With its default settings a footer follows, behind errors too: they are errors all the same.
        """
        base, _ = gophernicus(self, plain=True)
        self.assertIn(b"Gophered by Gophernicus", gopherfetch(f"{base}/0/nope", "--raw")[1])
        self.missing([f"{base}/{path}" for path in ("0/nope", "9/nope", "1/nope/")], "not found")
        self.assertEqual(gopherfetch(f"{base}/9/binary.bin"), (0, BINARY, ""))
        self.assertIn("[text]", self.shown(base))
