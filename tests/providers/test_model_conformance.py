"""What every language model must do, ours or a user's: run over all of `model_subjects.SUBJECTS`."""

from __future__ import annotations

import asyncio
import gc
import os
from contextlib import aclosing
from dataclasses import replace

import pytest

from app.errors import BrokenStream, ProviderError
from providers.base import Finished, LanguageModel, Message, ModelRequest, OutcomeChosen, TextDelta, ToolCall
from tests.providers.fakes.model_service import Answer, Fault
from tests.providers.model_subjects import REQUEST, SUBJECTS, Subject, replied, said, subject

pytestmark = [pytest.mark.real_time, pytest.mark.parametrize("name", SUBJECTS)]

# the chunk that it comes in
THIRD_WORD = {"azure": 5, "openai": 3, "anthropic": 5, "scripted": 2}


async def test_words_come_in_order_and_the_end_comes_last(name: str) -> None:
    async with subject(name, Answer(words=["One", " two", " three", "."])) as it:
        events = await replied(it.model)
    assert said(events) == "One two three."
    assert [type(event) for event in events] == [*[TextDelta] * (len(events) - 1), Finished]


async def test_words_come_while_they_are_made(name: str) -> None:
    """The reply stalls in its middle: what had been made of it by then must have come."""
    words, came = ["Hello", " there", " you."], ""
    async with subject(name, Answer(words, fault=Fault("stall", THIRD_WORD[name]))) as it:
        async with aclosing(it.model.reply(REQUEST)) as events, asyncio.timeout(5):
            while came != "Hello there":
                event = await anext(events)
                assert isinstance(event, TextDelta)
                came += event.text
            assert it.service.answering == 1


async def test_a_tool_is_asked_for(name: str) -> None:
    async with subject(name, Answer(words=["One moment."], tool=("book", '{"day": "märz"}'))) as it:
        events = await replied(it.model)
    (call,) = [event for event in events if isinstance(event, ToolCall)]
    assert (call.name, call.arguments) == ("book", {"day": "märz"})
    assert call.id
    assert isinstance(events[-1], Finished)


async def test_an_outcome_is_chosen(name: str) -> None:
    async with subject(name, Answer(words=["Goodbye."], tool=("finish", '{"outcome": "done"}'))) as it:
        events = await replied(it.model)
    assert events[-2] == OutcomeChosen("done")
    assert said(events) == "Goodbye."


async def test_an_empty_reply_is_an_end(name: str) -> None:
    async with subject(name, Answer(words=[])) as it:
        (event,) = await replied(it.model)
    assert isinstance(event, Finished)


async def test_characters_survive_any_cut(name: str) -> None:
    words = ["Grüß", " Gott", " 👩‍⚕️", " नमस्ते", " 東京."]
    async with subject(name, Answer(words=words, piece_bytes=1)) as it:
        assert said(await replied(it.model)) == "".join(words)


async def test_closing_the_iterator_stops_the_service(name: str) -> None:
    async with subject(name, Answer(words=[" word"] * 50, first_s=0.005, gap_s=0.05)) as it:
        async with aclosing(it.model.reply(REQUEST)) as events:
            await anext(events)
            assert it.service.answering == 1
        await it.service.idle()


async def test_cancelling_the_reader_stops_the_service(name: str) -> None:
    async with subject(name, Answer(first_s=60)) as it:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await replied(it.model)
        await it.service.idle()


async def test_a_refusal_is_a_provider_error(name: str) -> None:
    async with subject(name, Answer(status=500)) as it:
        with pytest.raises(ProviderError):
            await replied(it.model)


async def test_what_breaks_says_what_had_come(name: str) -> None:
    fault = Fault("die", THIRD_WORD[name])
    async with subject(name, Answer(words=["Hello", " there", " you."], gap_s=0.01, fault=fault)) as it:
        with pytest.raises(BrokenStream) as failure:
            await replied(it.model)
    assert failure.value.emitted == "Hello there"


async def test_a_long_conversation_goes_through(name: str) -> None:
    messages = [Message(("caller", "agent")[turn % 2], "words " * 200) for turn in range(201)]
    async with subject(name) as it:
        request = ModelRequest("Help.", messages, "en", 50, facts="fact " * 20_000)
        assert said(await replied(it.model, request)) == "Hello there."


async def test_replies_do_not_mix(name: str) -> None:
    async with subject(name, Answer(gap_s=0.002)) as it:
        replies = await asyncio.gather(*(replied(it.model) for _ in range(50)))
    assert {said(events) for events in replies} == {"Hello there."}


async def test_500_replies_leave_nothing_behind(name: str) -> None:
    async with subject(name) as it:
        await _replies(it, 50)
        before = await _held()
        await _replies(it, 500)
        objects, files = (now - then for now, then in zip(await _held(), before, strict=True))
        assert files <= 1
        assert objects < 50


async def _replies(it: Subject, count: int) -> None:
    """Every other one is left in its middle; the last one before its end has come, and its connection with it."""
    for number in range(count):
        await _reply(it.model, left=number % 2 > 0)
    it.service.answer = replace(it.service.answer, fault=Fault("stall", THIRD_WORD[it.model.name]))
    await _reply(it.model, left=True)
    await it.service.deserted()
    it.service.answer = replace(it.service.answer, fault=None)


async def _reply(model: LanguageModel, *, left: bool) -> None:
    async with aclosing(model.reply(REQUEST)) as events:
        async for event in events:
            if left and event != TextDelta(""):
                break


async def _held() -> tuple[int, int]:
    """Objects and files, once the loop has ended what the collector found: generators of streams left early."""
    for _ in range(2):
        gc.collect()
        for _ in range(5):
            await asyncio.sleep(0)
    gc.collect()
    return len(gc.get_objects()), len(os.listdir("/dev/fd"))
