"""Server-sent events (WHATWG HTML §9.2), as model services answer with them.

The SDKs' own streams make an object of every field of every event. At 200 replies at once that takes more than a core
has, so an SDK asks, and what is answered is read here: no more of it than is needed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Generic, NamedTuple, TypeVar

import httpx2
import msgspec

LONGEST_EVENT_BYTES = 64 * 1024
# The count of tokens and a filter's remarks come behind the end of a reply; it does not wait for them any longer.
AFTERWORD_S = 0.2
DONE = "[DONE]"  # OpenAI's way of saying that no more comes

_LINE_END = re.compile(rb"\r\n|\n|\r")


class Malformed(Exception):
    """What came is not what the protocol says."""


class ServerEvent(NamedTuple):
    """An event's name, empty where it has none, and its data."""

    name: str
    data: str


class EventDecoder:
    """Events from bytes, cut anywhere. One without data is none; so is what has no empty line behind it."""

    def __init__(self) -> None:
        self._after_return = False
        self._line = b""
        self._name = b""
        self._data: list[bytes] = []
        self._bytes = 0

    def feed(self, chunk: bytes) -> list[ServerEvent]:
        """The events that end in `chunk`. Raises Malformed for one without bounds, ValueError for what is not UTF-8."""
        if not chunk:
            return []
        lines = _LINE_END.split(chunk[1:] if self._after_return and chunk[:1] == b"\n" else chunk)
        self._after_return = chunk[-1:] == b"\r"
        lines[0] = self._line + lines[0]
        self._line = lines.pop()
        events = [event for line in lines if (event := self._take(line))]
        if self._bytes + len(self._line) > LONGEST_EVENT_BYTES:
            raise Malformed(f"an event of more than {LONGEST_EVENT_BYTES} bytes")
        return events

    def _take(self, line: bytes) -> ServerEvent | None:
        if not line:
            return self._event()
        self._bytes += len(line)
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")
        return None

    def _event(self) -> ServerEvent | None:
        name, data = self._name, self._data
        self._name, self._data, self._bytes = b"", [], 0
        return ServerEvent(name.decode(), b"\n".join(data).decode()) if data else None


class Content(msgspec.Struct):
    """What is needed of an event's JSON; where the service has failed, that has an `error`."""

    error: Any = None


T = TypeVar("T", bound=Content)


class EventStream(Generic[T]):
    """The events of an answer, whose body comes in `chunks`, as contents of one type."""

    def __init__(self, chunks: AsyncIterator[bytes], content: type[T]) -> None:
        self._chunks = chunks
        self._content = content
        self._json = msgspec.json.Decoder(content)
        self._events = EventDecoder()
        self._waiting: deque[ServerEvent] = deque()

    async def next(self) -> T:
        """What comes next. Raises Malformed where it is an error or the end, ValueError where it is no content."""
        return self._read(await self._next())

    async def afterword(self) -> list[T]:
        """What else comes before long. Read to the end, the connection can serve the next request."""
        found = list[T]()
        with suppress(TimeoutError, Malformed, httpx2.HTTPError, ValueError):
            async with asyncio.timeout(AFTERWORD_S):
                while True:
                    event = await self._next()
                    found += () if event.data == DONE else [self._read(event)]
        return found

    async def _next(self) -> ServerEvent:
        while not self._waiting:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                raise Malformed("a stream without an end")
            self._waiting.extend(self._events.feed(chunk))
        return self._waiting.popleft()

    def _read(self, event: ServerEvent) -> T:
        if event.data == DONE:
            raise Malformed("a stream without an end")
        try:
            content = self._decoded(event.data)
        except RecursionError:
            raise Malformed("an event without a bottom") from None
        if event.name == "error" or content.error:
            raise Malformed("an error in place of an event")
        return content

    def _decoded(self, data: str) -> T:
        try:
            return self._json.decode(data)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:  # half a character's escape, which only `json` takes
            return msgspec.convert(json.loads(data), self._content)
