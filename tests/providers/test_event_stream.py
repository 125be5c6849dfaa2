from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.event_stream import (
    DONE,
    LONGEST_EVENT_BYTES,
    Content,
    EventDecoder,
    EventStream,
    Malformed,
    ServerEvent,
)


class Words(Content):
    text: str | None = None


def events_in(*chunks: bytes) -> list[ServerEvent]:
    decoder = EventDecoder()
    return [event for chunk in chunks for event in decoder.feed(chunk)]


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    at = [0, *sorted(cuts), len(data)]
    return [data[start:end] for start, end in pairwise(at)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [ServerEvent("", "a")]),
        (b"data:a\n\ndata:  b\n\n", [ServerEvent("", "a"), ServerEvent("", " b")]),
        (b"event: ping\ndata: {}\n\n", [ServerEvent("ping", "{}")]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", [ServerEvent("", text) for text in "abc"]),
        (b"data: a\ndata: b\ndata\n\n", [ServerEvent("", "a\nb\n")]),
        (b": a comment\n\nid: 7\nretry: 5\nunknown: x\ndata: a\n\n", [ServerEvent("", "a")]),
        (b"event: alone\n\ndata: a\n\n", [ServerEvent("", "a")]),
        ("data: Grüße\u2028\x0b\x85\n\n".encode(), [ServerEvent("", "Grüße\u2028\x0b\x85")]),
        (b"data: a\n\ndata: not ended", [ServerEvent("", "a")]),
        (b"", []),
    ],
)
def test_what_is_an_event(stream: bytes, events: list[ServerEvent]) -> None:
    assert events_in(stream) == events


lines = st.one_of(
    st.just(""),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=5).map("data: {}".format),
    st.sampled_from(["event: e", "event:", ": c", "data", "data:", "dat", "id: 1"]),
)
endings = st.sampled_from(["\n", "\r\n", "\r"])
streams = st.lists(st.tuples(lines, endings).map("".join), max_size=15).map(
    lambda parts: "".join(parts).encode()
)


@given(streams, st.data())
def test_any_cut_of_the_bytes_gives_the_same_events(stream: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8))
    assert events_in(*pieces(stream, cuts)) == events_in(stream)
    assert events_in(*pieces(stream, range(len(stream)))) == events_in(stream)


def test_an_event_has_bounds() -> None:
    with pytest.raises(Malformed):
        events_in(b"data: ", *[b"x" * 1000] * (LONGEST_EVENT_BYTES // 1000 + 1))
    with pytest.raises(Malformed):
        events_in(*[b"data: x\n"] * LONGEST_EVENT_BYTES)
    assert events_in(*[b"data: x\n\n"] * LONGEST_EVENT_BYTES)


class Body:
    """The chunks, and then the end, or what broke it."""

    def __init__(self, chunks: Sequence[bytes], end: Exception) -> None:
        self._chunks = iter(chunks)
        self._end = end

    def __aiter__(self) -> Body:
        return self

    async def __anext__(self) -> bytes:
        for chunk in self._chunks:
            return chunk
        raise self._end


def stream_of(*chunks: bytes, end: Exception | None = None) -> EventStream[Words]:
    return EventStream(Body(chunks, end or StopAsyncIteration()), Words)


def data(json: str) -> bytes:
    return f"data: {json}\n\n".encode()


async def texts(stream: EventStream[Words], count: int) -> list[str | None]:
    return [(await stream.next()).text for _ in range(count)]


async def test_only_what_is_needed_is_read() -> None:
    stream = stream_of(data('{"text": "a", "other": [1, {"deep": 2}]}') + data("{}"), data('{"text": null}'))
    assert await texts(stream, 3) == ["a", None, None]


async def test_half_a_character_in_an_escape_comes_through() -> None:
    assert await texts(stream_of(data(r'{"text": "\ud83d"}')), 1) == ["\ud83d"]


@pytest.mark.parametrize(
    "chunks",
    [
        [data('{"te')],
        [data("[1]")],
        [data('{"text": 1}')],
        [data('{"other": ' + "[" * 60_000)],
        [b'data: {"other": "\xff"}\n\n'],
        [data('{"error": {"message": "no"}}')],
        [b"event: error\n" + data("{}")],
        [data(DONE)],
        [],
        [b'data: {"text": "not ended"}'],
    ],
)
async def test_what_is_no_event_is_an_error(chunks: Sequence[bytes]) -> None:
    with pytest.raises((Malformed, ValueError)):
        await stream_of(*chunks).next()


async def test_the_afterword_goes_to_the_end_and_forgives_everything() -> None:
    whole = data('{"text": "a"}') + data(DONE) + data('{"text": "b"}')
    assert [one.text for one in await stream_of(whole).afterword()] == ["a", "b"]
    cut = stream_of(whole, end=httpx2.ReadError("cut"))
    assert [one.text for one in await cut.afterword()] == ["a", "b"]
    broken = stream_of(data('{"text": "a"}'), data('{"other": ' + "[" * 60_000), data('{"text": "b"}'))
    assert [one.text for one in await broken.afterword()] == ["a"]
