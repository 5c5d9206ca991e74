"""
Writing a body to a file or a pipe.
"""

from __future__ import annotations

from io import BytesIO

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.gopher.memory import SERVER, Server
from twisted_netdemo.gopher.client.response import Response
from twisted_netdemo.gopher.errors import ConnectionBroke
from twisted_netdemo.gopher.stream.body_writer import BodyWriter


class CollectTests(SynchronousTestCase):
    def test_file(self) -> None:
        """
        A body goes to any function that takes bytes, such as a file's write; the verdict and the
        server's error are known then.
        """
        for chunks, verdict, words in (
            ([b"a", b"b\r\n.\r\n"], "whole", None),
            ([b"3not here\t\t\t\r\n"], "whole", "not here"),
        ):
            server, file = Server(), BytesIO()
            fetched = server.agent(maxSize=None).fetch("gopher://h/0x")
            server.accept()
            server.send(chunks[0])
            response = self.successResultOf(fetched)
            done = response.collect(file.write)
            server.send(*chunks[1:])
            server.close()
            self.successResultOf(done)
            self.assertEqual(file.getvalue(), b"".join(chunks))
            self.assertEqual((response.verdict.name, response.serverError), (verdict, words))
            self.assertEqual((response.size, response.remote), (len(file.getvalue()), SERVER))

    def test_cancel(self) -> None:
        """
        Cancelling it closes the connection.
        """
        server = Server()
        fetched = server.agent().fetch("gopher://h/0x")
        server.accept()
        server.send(b"a")
        done = self.successResultOf(fetched).collect(BytesIO().write)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertTrue(server.isAborted)


class BodyWriterTests(SynchronousTestCase):
    def writer(self, *first: bytes, includeErrors: bool = False) -> BodyWriter:
        """
        A writer of an answer that has begun with these chunks.
        """
        self.server = Server()
        fetched = self.server.agent(maxSize=None).fetch("gopher://h/0x")
        self.server.accept()
        self.server.send(*first)
        response: Response = self.successResultOf(fetched)
        self.written: list[bytes] = []
        writer = BodyWriter(response, self.written.append, includeErrors)
        response.deliverBody(writer)
        return writer

    def test_whole(self) -> None:
        """
        Each chunk is written when it comes.
        """
        writer = self.writer(b"a")
        self.assertEqual(self.written, [b"a"])
        self.server.send(b"b", b"c")
        self.assertEqual(self.written, [b"a", b"b", b"c"])
        self.assertNoResult(writer.done)
        self.server.close()
        self.assertIsNone(self.successResultOf(writer.done))

    def test_error(self) -> None:
        """
        The server's report of an error is only written if that is wanted; bytes that looked like
        the beginning of one are written.
        """
        writer = self.writer(b"Error: ", b"no\r\n")
        self.server.close()
        self.successResultOf(writer.done)
        self.assertEqual(self.written, [])
        writer = self.writer(b"Error: ", b"no\r\n", includeErrors=True)
        self.assertEqual(b"".join(self.written), b"Error: no\r\n")
        writer = self.writer(b"Err")
        self.assertEqual(self.written, [])
        self.server.send(b"ata")
        self.assertEqual(self.written, [b"Errata"])
        writer = self.writer(b"3")  # no TAB: no error either
        self.server.close()
        self.successResultOf(writer.done)
        self.assertEqual(self.written, [b"3"])

    def test_truncated(self) -> None:
        """
        What came of a body that broke off is written, even if it may be an error.
        """
        for chunks in ([b"half"], [b"Err"]):
            writer = self.writer(*chunks)
            self.server.breakOff()
            self.failureResultOf(writer.done, ConnectionBroke)
            self.assertEqual(self.written, chunks)

    def test_cannotWrite(self) -> None:
        """
        Where it cannot be written the connection is closed, and nothing more is tried.
        """
        writer = self.writer(b"a")

        def full(data: bytes) -> None:
            self.written.append(data)
            raise OSError(28, "No space left on device")

        writer._write = full
        self.server.send(b"b", b"c")
        self.failureResultOf(writer.done, OSError)
        self.assertTrue(self.server.isAborted)
        self.assertEqual(self.written, [b"a", b"b"])
        writer = self.writer(b"3")
        writer._write = full
        self.server.close()
        self.failureResultOf(writer.done, OSError)

    def test_slowWriter(self) -> None:
        """
        While a write takes its time, the server is kept waiting, and the end too.
        """
        writer = self.writer(b"a")
        taken: list[Deferred[None]] = []

        def slow(data: bytes) -> Deferred[None]:
            self.written.append(data)
            taken.append(Deferred())
            return taken[-1]

        writer._write = slow
        self.server.send(b"b", b"c")
        self.assertEqual(self.written, [b"a", b"b"])
        taken[0].callback(None)
        self.assertEqual(self.written, [b"a", b"b", b"c"])
        self.server.close()
        self.assertNoResult(writer.done)
        taken[1].callback(None)
        self.assertIsNone(self.successResultOf(writer.done))

    def test_slowWriterFails(self) -> None:
        """
        A write that fails closes the connection; so does cancelling during one.
        """
        writer = self.writer(b"a")
        waiting: Deferred[None] = Deferred()
        writer._write = lambda data: waiting
        self.server.send(b"b")
        waiting.errback(OSError(32, "Broken pipe"))
        self.failureResultOf(writer.done, OSError)
        self.assertTrue(self.server.isAborted)
        writer = self.writer(b"a")
        waiting = Deferred()
        writer._write = lambda data: waiting
        self.server.send(b"b")
        writer.done.cancel()
        self.failureResultOf(writer.done, CancelledError)
        self.assertTrue(self.server.isAborted)
        self.assertTrue(waiting.called)

    def test_cancelled(self) -> None:
        """
        A caller that gives up closes the connection.
        """
        writer = self.writer(b"a")
        writer.done.cancel()
        self.failureResultOf(writer.done, CancelledError)
        self.assertTrue(self.server.isAborted)
