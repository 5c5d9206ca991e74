"""
A body into a file or a pipe.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.memory import Server
from twisted_netdemo.gopher.errors import ConnectionBroke
from twisted_netdemo.gopher.files.body_writer import Pour
from twisted_netdemo.gopher.response import Response


class PourTests(SynchronousTestCase):
    def pour(self, *first: bytes, evenErrors: bool = False) -> Pour:
        """
        A pour of an answer that has begun with these chunks.
        """
        self.server = Server()
        fetched = self.server.agent(maxSize=None).fetch("gopher://h/0x")
        self.server.accept()
        self.server.send(*first)
        response: Response = self.successResultOf(fetched)
        self.written: list[bytes] = []
        pour = Pour(response, self.written.append, evenErrors)
        response.deliverBody(pour)
        return pour

    def test_whole(self) -> None:
        """
        Each chunk is written when it comes.
        """
        pour = self.pour(b"a")
        self.assertEqual(self.written, [b"a"])
        self.server.send(b"b", b"c")
        self.assertEqual(self.written, [b"a", b"b", b"c"])
        self.assertNoResult(pour.done)
        self.server.close()
        self.assertIsNone(self.successResultOf(pour.done))

    def test_error(self) -> None:
        """
        The server's report of an error is not written, unless that is wanted; what looked like the
        beginning of one is.
        """
        pour = self.pour(b"Error: ", b"no\r\n")
        self.server.close()
        self.successResultOf(pour.done)
        self.assertEqual(self.written, [])
        pour = self.pour(b"Error: ", b"no\r\n", evenErrors=True)
        self.assertEqual(b"".join(self.written), b"Error: no\r\n")
        pour = self.pour(b"Err")
        self.assertEqual(self.written, [])
        self.server.send(b"ata")
        self.assertEqual(self.written, [b"Errata"])
        pour = self.pour(b"3")  # no TAB: no error either
        self.server.close()
        self.successResultOf(pour.done)
        self.assertEqual(self.written, [b"3"])

    def test_truncated(self) -> None:
        """
        What came of a body that broke off is written, even what could have been an error.
        """
        for chunks in ([b"half"], [b"Err"]):
            pour = self.pour(*chunks)
            self.server.breakOff()
            self.failureResultOf(pour.done, ConnectionBroke)
            self.assertEqual(self.written, chunks)

    def test_cannotWrite(self) -> None:
        """
        Where it cannot be written the connection is closed, and nothing more is tried.
        """
        pour = self.pour(b"a")

        def full(data: bytes) -> None:
            self.written.append(data)
            raise OSError(28, "No space left on device")

        pour._write = full
        self.server.send(b"b", b"c")
        self.failureResultOf(pour.done, OSError)
        self.assertTrue(self.server.isAborted)
        self.assertEqual(self.written, [b"a", b"b"])
        pour = self.pour(b"3")
        pour._write = full
        self.server.close()
        self.failureResultOf(pour.done, OSError)

    def test_slowWriter(self) -> None:
        """
        While what was written is not taken, the server is kept waiting, and the end too.
        """
        pour = self.pour(b"a")
        taken: list[Deferred[None]] = []

        def slow(data: bytes) -> Deferred[None]:
            self.written.append(data)
            taken.append(Deferred())
            return taken[-1]

        pour._write = slow
        self.server.send(b"b", b"c")
        self.assertEqual(self.written, [b"a", b"b"])
        taken[0].callback(None)
        self.assertEqual(self.written, [b"a", b"b", b"c"])
        self.server.close()
        self.assertNoResult(pour.done)
        taken[1].callback(None)
        self.assertIsNone(self.successResultOf(pour.done))

    def test_slowWriterFails(self) -> None:
        """
        What is not taken at all closes the connection; so does giving up while that is open.
        """
        pour = self.pour(b"a")
        waiting: Deferred[None] = Deferred()
        pour._write = lambda data: waiting
        self.server.send(b"b")
        waiting.errback(OSError(32, "Broken pipe"))
        self.failureResultOf(pour.done, OSError)
        self.assertTrue(self.server.isAborted)
        pour = self.pour(b"a")
        waiting = Deferred()
        pour._write = lambda data: waiting
        self.server.send(b"b")
        pour.done.cancel()
        self.failureResultOf(pour.done, CancelledError)
        self.assertTrue(self.server.isAborted)
        self.assertTrue(waiting.called)

    def test_cancelled(self) -> None:
        """
        A caller that gives up closes the connection.
        """
        pour = self.pour(b"a")
        pour.done.cancel()
        self.failureResultOf(pour.done, CancelledError)
        self.assertTrue(self.server.isAborted)
