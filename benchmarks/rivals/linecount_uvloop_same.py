"""
The server as a uvloop Protocol with what linecount has besides: a deadline for the line and a
longest line, the end of input as the end of the line, an answer that no reset destroys (our output
ends first, the input is read until it ends too, for 5 seconds at most), a count of connections,
and one structured log event a session.
"""

import asyncio
import logging
import sys

import uvloop

log = logging.getLogger("linecount")
log.setLevel(logging.INFO)
log.addHandler(logging.NullHandler())


class LineCount(asyncio.Protocol):
    loop: asyncio.AbstractEventLoop
    present: set = set()
    perClient: dict = {}

    def connection_made(self, transport):
        self.transport = transport
        self.held = b""
        self.began = self.loop.time()
        self.done = False
        self.host, self.port = transport.get_extra_info("peername")[:2]
        here = self.perClient.get(self.host, 0)
        self.perClient[self.host] = here + 1
        self.present.add(self)
        if here >= 100 or len(self.present) > 10000:
            self.finish("refused", b"Too many connections.\n")
            return
        self.timer = self.loop.call_later(60, self.timed_out)
        transport.write(
            b"Welcome, ('%s', %d)\nPlease enter a string: " % (self.host.encode(), self.port)
        )

    timer = None

    def data_received(self, data):
        if self.done:
            return
        self.held += data
        if b"\n" in self.held:
            self.answer(self.held.split(b"\n")[0])
        elif len(self.held) > 65536:
            self.finish("too-long", b"Line too long: the limit is 65536 bytes.\n")

    def eof_received(self):
        if not self.done:
            self.answer(self.held)
        self.transport.close()
        return True

    def answer(self, line):
        counted = len(line.decode("utf-8", "surrogateescape").strip())
        self.finish("answered", b"You entered %d characters.\n" % counted, counted)

    def timed_out(self):
        self.finish("timed-out", b"Timed out: no line within 60 seconds.\n")

    def finish(self, outcome, words, counted=0):
        self.done = True
        log.info(
            "session",
            extra={
                "peer": f"{self.host}:{self.port}",
                "outcome": outcome,
                "characters": counted,
                "seconds": self.loop.time() - self.began,
            },
        )
        if self.timer is not None:
            self.timer.cancel()
        self.transport.write(words)
        self.transport.write_eof()
        self.timer = self.loop.call_later(5, self.transport.abort)

    def connection_lost(self, reason):
        if self.timer is not None:
            self.timer.cancel()
        self.present.discard(self)
        self.perClient[self.host] -= 1
        if not self.perClient[self.host]:
            del self.perClient[self.host]


async def main() -> None:
    LineCount.loop = loop = asyncio.get_running_loop()
    server = await loop.create_server(LineCount, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


uvloop.run(main())
