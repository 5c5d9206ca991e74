"""
A page of badwire live without a browser: its requests and its stream.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from tests.processes import PATIENCE

Event = dict[str, Any]


class LiveClient:
    """
    @ivar events: the events of the stream so far.
    @ivar last: the number of the last event.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.netloc
        self._path = parts.path
        self.events: list[Event] = []
        self.last = ""
        self._news = threading.Condition()
        self._stream: http.client.HTTPConnection | None = None
        self._isOver = False

    def request(
        self, method: str, path: str, body: object = None, **headers: str
    ) -> tuple[int, bytes]:
        """
        The status and the body of a reply.
        """
        connection = http.client.HTTPConnection(self._host, timeout=PATIENCE)
        try:
            sent = None if body is None else json.dumps(body).encode()
            ours = {"Origin": f"http://{self._host}"}
            if sent is not None:
                ours["Content-Type"] = "application/json"
            connection.request(method, self._path + path, sent, {**ours, **headers})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def post(self, path: str, **body: object) -> Any:
        """
        The reply to a POST: what it says or, if it is refused, its status and what it says.
        """
        status, said = self.request("POST", path, body)
        return json.loads(said) if status == 200 else (status, json.loads(said))

    def get(self, path: str) -> bytes:
        """
        What a GET brings.
        """
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return body

    def open(self, last: str = "") -> None:
        """
        Begin to read the stream.

        @param last: the number of the last event that is known.
        """
        stream = http.client.HTTPConnection(self._host, timeout=PATIENCE)
        headers = {"Origin": f"http://{self._host}"} | ({"Last-Event-ID": last} if last else {})
        stream.request("GET", f"{self._path}events", None, headers)
        reply = stream.getresponse()
        assert reply.status == 200, reply.read()
        self.follow(stream, reply)

    def follow(self, stream: http.client.HTTPConnection, reply: http.client.HTTPResponse) -> None:
        """
        Read a stream that has begun.
        """
        self._stream = stream
        threading.Thread(target=self._read, args=(stream, reply), daemon=True).start()

    def _read(self, stream: http.client.HTTPConnection, reply: http.client.HTTPResponse) -> None:
        number = ""
        try:
            while line := reply.readline():
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "id":
                    number = value
                elif name == "data":
                    with self._news:
                        self.events += json.loads(value)
                        self.last = number or self.last
                        self._news.notify_all()
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass  # it was closed
        finally:
            reply.close()
            stream.close()
        with self._news:
            self._isOver = True
            self._news.notify_all()

    def close(self) -> None:
        """
        Close the stream, as a browser does with its page.
        """
        if self._stream is not None and self._stream.sock is not None:
            self._stream.sock.shutdown(2)
            self._stream.close()

    def wait(
        self, holds: Callable[[list[Event]], Any], what: str, seconds: float = PATIENCE
    ) -> Any:
        """
        Wait until something holds of the events so far, and return that.
        """
        found: Any = None

        def has() -> bool:
            nonlocal found
            found = holds(self.events)
            return bool(found) or self._isOver

        with self._news:
            self._news.wait_for(has, seconds)
        assert found, f"{what} never came: {self.events[-5:]}"
        return found

    def saw(self, **wanted: object) -> Event:
        """
        Wait for an event with these fields.
        """

        def first(events: list[Event]) -> Event | None:
            for event in events:
                if wanted.items() <= event.items():
                    return event
            return None

        event: Event = self.wait(first, str(wanted))
        return event
