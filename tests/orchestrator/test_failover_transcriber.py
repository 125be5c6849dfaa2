"""Recognisers that drop or fall silent, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from app.clock import ManualClock
from app.errors import BadCredentials, BrokenStream, ProviderError, Refused
from app.orchestrator.chain import Switch
from app.orchestrator.ear import PROBATION_S
from app.orchestrator.failover_stream import LONG_GRACE_S, OPEN_S, FailoverStream
from app.orchestrator.failover_transcriber import FailoverTranscriber
from app.orchestrator.way_back import REOPEN_S, RETURN_EVERY_S, SPREAD_S
from providers.base import Hypothesis
from providers.scripted import Heard, Script, ScriptedTranscriber, ScriptedTranscriptionStream

TEXT = "i want a table for two"
WORDS = TEXT.split()
PARTIALS = tuple((200.0 * (n + 1), " ".join(WORDS[: n + 1])) for n in range(len(WORDS)))
SPOKEN = Heard(TEXT, PARTIALS)
FRAME = b"\x00" * 160
BACK_S = RETURN_EVERY_S + SPREAD_S + PROBATION_S + 0.5


class Call:
    """A call on a chain of a cloud recogniser and the one on this machine."""

    def __init__(self, clock: ManualClock, cloud: Script, local: Script) -> None:
        self.cloud = ScriptedTranscriber(cloud, name="cloud")
        self.local = ScriptedTranscriber(local, name="local")
        self.switches: list[Switch] = []
        self.partials: list[str] = []
        self.transcriber = FailoverTranscriber([self.cloud, self.local], clock).watched(self.switches.append)
        self.stream: FailoverStream

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Call]:
        self.stream = await self.transcriber.open("en", on_partial=lambda h: self.partials.append(h.text))
        yield self
        await self.stream.aclose()

    async def audio(self, milliseconds: int) -> None:
        for _ in range(milliseconds // 20):
            self.stream.push(FRAME)
            await asyncio.sleep(0.02)

    async def utterance(self, milliseconds: int = 1400) -> Hypothesis:
        await self.audio(400)
        self.stream.utterance_started()
        await self.audio(milliseconds)
        self.stream.utterance_paused()
        await self.audio(100)
        return await self.stream.finish()

    @property
    def local_heard_ms(self) -> int:
        """How much audio the one on this machine was given."""
        return sum(stream.pushed_bytes for stream in self.local._streams) // 8

    @property
    def taken(self) -> list[str]:
        return [switch.taken for switch in self.switches]


async def test_a_healthy_recogniser_is_left_alone(clock: ManualClock) -> None:
    call = Call(clock, [SPOKEN, SPOKEN], [])
    async with call.listening():
        assert (await call.utterance()).text == TEXT
        assert (await call.utterance()).text == TEXT
    assert call.partials == [text for _, text in PARTIALS] * 2
    assert call.switches == []


@pytest.mark.parametrize("breaks_ms", range(0, 1400, 100))
async def test_one_that_drops_at_any_moment_loses_and_repeats_no_word(
    clock: ManualClock, breaks_ms: int
) -> None:
    call = Call(clock, [Heard(TEXT, PARTIALS, breaks_ms=float(breaks_ms))], [SPOKEN])
    async with call.listening():
        assert (await call.utterance()).text == TEXT
    assert call.switches == [Switch("transcriber", "cloud", "local", "the script breaks the stream off")]


@pytest.mark.parametrize("silent_ms", range(0, 1400, 100))
async def test_one_that_falls_silent_at_any_moment_costs_a_word_at_most(
    clock: ManualClock, silent_ms: int
) -> None:
    partials = (*PARTIALS, (3000.0, f"{TEXT} at eight o'clock tonight please"))
    whole = Heard(partials[-1][1], partials)
    silent = Heard(whole.text, partials, silent_ms=float(silent_ms))
    call = Call(clock, [silent, SPOKEN], [whole])
    async with call.listening():
        assert (await call.utterance(3200)).text == whole.text
    assert call.taken[0] == "local"


async def test_one_that_drops_while_the_agent_speaks_is_replaced_before_the_next_words(
    clock: ManualClock,
) -> None:
    call = Call(clock, [SPOKEN, SPOKEN], [SPOKEN])
    async with call.listening():
        await call.utterance()
        stream = next(iter(call.cloud._streams))
        stream.break_off()
        began = clock.now()
        await call.audio(20)
        assert call.taken == ["local"]
        assert clock.now() - began <= 0.021
        assert (await call.utterance()).text == TEXT


async def test_the_one_that_was_left_comes_back_behind_the_others_back(clock: ManualClock) -> None:
    call = Call(clock, once(Heard(TEXT, PARTIALS, breaks_ms=500.0), SPOKEN), [SPOKEN])
    async with call.listening():
        assert (await call.utterance()).text == TEXT
        await call.audio(int(BACK_S * 1000))
        assert call.switches[-1] == Switch("transcriber", "local", "cloud", "back")
        assert (await call.utterance()).text == TEXT
    assert call.taken == ["local", "cloud"]
    assert call.cloud.opened == 2


async def test_one_that_fails_while_it_waits_to_lead_again_is_tried_once_more(clock: ManualClock) -> None:
    call = Call(clock, once(Heard(TEXT, PARTIALS, breaks_ms=500.0), SPOKEN), lambda _: SPOKEN)
    async with call.listening():
        await call.utterance()
        call.stream.utterance_started()
        await call.audio(int(BACK_S * 1000))
        (waiting,) = [stream for stream in call.cloud._streams if not stream.failure]
        waiting.break_off()
        await call.stream.finish()
        assert call.taken == ["local"]
        await call.audio(int(BACK_S * 1000))
        assert call.taken == ["local", "cloud"]
        assert (await call.utterance()).text == TEXT
    assert call.cloud.opened == 3


def once(first: Heard, then: Heard) -> Script:
    """The first utterance of all streams together, and every later one."""
    heard = iter([first])
    return lambda _: next(heard, then)


async def test_words_too_short_for_a_cloud_service_are_lent(clock: ManualClock) -> None:
    late = Heard("", ())
    yes = Heard("yes", ((150.0, "yes"),))
    call = Call(clock, [late, yes, yes], [yes, yes])
    async with call.listening():
        assert (await call.utterance(320)).text == "yes"
        assert call.switches == [Switch("transcriber", "cloud", "local", "for once")]
        assert (await call.utterance(320)).text == "yes"
    assert len(call.switches) == 1


# the next utterance begins while the words of the last are awaited

NEXT = Heard("at eight", ((200.0, "at"), (400.0, "at eight")))


async def overtaken(call: Call) -> tuple[str, str]:
    """What two utterances were, the second of which began 40 ms after the end of the first."""
    await call.audio(400)
    call.stream.utterance_started()
    await call.audio(1400)
    call.stream.utterance_paused()
    await call.audio(100)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(call.stream.finish())
        await call.audio(40)
        call.stream.utterance_started()
        await call.audio(800)
        assert first.done(), "it is late"
        call.stream.utterance_paused()
        await call.audio(100)
        second = await call.stream.finish()
    return first.result().text, second.text


@pytest.mark.parametrize("breaks_ms", [None, 20.0, 120.0, 300.0, 700.0])
async def test_who_begins_again_before_the_words_are_there_loses_none(
    clock: ManualClock, breaks_ms: float | None
) -> None:
    early = breaks_ms is not None and breaks_ms < 160  # the words of the first are still awaited
    call = Call(
        clock, [SPOKEN, replace(NEXT, breaks_ms=breaks_ms)], [SPOKEN, NEXT, NEXT] if early else [NEXT]
    )
    call.cloud._final_ms = 300.0
    async with call.listening():
        assert await overtaken(call) == (TEXT, NEXT.text)
    assert call.taken == ([] if breaks_ms is None else ["local"])


async def test_one_that_falls_silent_in_what_comes_next_is_noticed(clock: ManualClock) -> None:
    call = Call(clock, [SPOKEN, Heard("", silent_ms=200.0)], [NEXT])
    call.cloud._final_ms = 300.0
    async with call.listening():
        assert await overtaken(call) == (TEXT, NEXT.text)


async def test_the_standby_tells_the_last_words_and_hears_the_next_from_their_beginning(
    clock: ManualClock,
) -> None:
    """Who leads breaks at the end of an utterance, when the next has begun."""
    call = Call(clock, [replace(SPOKEN, error=BrokenStream("no"))], [SPOKEN, NEXT, NEXT])
    call.cloud._final_ms = 300.0
    async with call.listening():
        assert await overtaken(call) == (TEXT, NEXT.text)
        heard_ms = call.local_heard_ms
    assert call.taken == ["local"]
    assert heard_ms >= 400 + 1400 + 100 + 400 + 900


async def test_words_lent_do_not_hold_what_comes_next(clock: ManualClock) -> None:
    yes = Heard("yes", ((150.0, "yes"),))
    call = Call(clock, [Heard(""), NEXT], [yes])
    call.local._final_ms = 300.0
    async with call.listening():
        await call.audio(400)
        call.stream.utterance_started()
        await call.audio(320)
        call.stream.utterance_paused()
        async with asyncio.TaskGroup() as group:
            first = group.create_task(call.stream.finish())
            await call.audio(40)
            call.stream.utterance_started()
            await call.audio(800)
        assert first.result().text == "yes"
        assert (await call.stream.finish()).text == NEXT.text
    assert call.switches == [Switch("transcriber", "cloud", "local", "for once")]


async def test_what_is_left_off_is_no_part_of_what_comes_next(clock: ManualClock) -> None:
    """Nobody waits for the words any more, while another utterance is under way that the standby has to take over."""
    call = Call(clock, [Heard("", silent_ms=0.0), replace(NEXT, breaks_ms=300.0)], [SPOKEN, NEXT])
    call.cloud._final_ms = 300.0
    async with call.listening():
        await call.audio(400)
        call.stream.utterance_started()
        await call.audio(320)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(call.stream.finish())
            await call.audio(40)
            call.stream.utterance_started()
            first.cancel()
            await call.audio(800)
        assert (await call.stream.finish()).text == NEXT.text


async def test_noise_without_words_blames_nobody(clock: ManualClock) -> None:
    call = Call(clock, [Heard("")], [Heard("")])
    async with call.listening():
        assert (await call.utterance(2000)).text == ""
        call.stream.utterance_started()
        await call.audio(600)
        call.stream.discard()
    assert call.switches == []


@pytest.mark.parametrize(("error", "tried"), [(Refused("no"), 5), (BadCredentials("no"), 1)])
async def test_one_that_cannot_be_had_is_not_asked_for_ever(
    clock: ManualClock, error: ProviderError, tried: int
) -> None:
    call = Call(clock, [SPOKEN], lambda _: SPOKEN)
    call.cloud.refuses = error
    async with call.listening():
        assert (await call.utterance()).text == TEXT
        await call.audio(20_000)
    assert call.transcriber.report()["cloud"] == {"state": "down", "breaker": "open"}
    async with call.listening():
        call.cloud.refuses = None
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(call.transcriber.watch())
            await call.audio(9_000)
            watch.cancel()
        assert (await call.utterance()).text == TEXT
    locked = isinstance(error, BadCredentials)
    assert call.transcriber.report()["cloud"]["breaker"] == ("open" if locked else "closed")
    assert (call.taken[-1] == "cloud") is not locked


async def test_everybody_fails(clock: ManualClock) -> None:
    call = Call(clock, [], [Heard("", error=BrokenStream("no"))])
    call.cloud.refuses = Refused("no")
    async with call.listening():
        with pytest.raises(BrokenStream):
            await call.utterance()
    call.local.refuses = Refused("neither")
    with pytest.raises(Refused, match="neither"):
        await call.transcriber.open("en", on_partial=lambda _: None)
    with pytest.raises(Refused, match="no recogniser knows"):
        await call.transcriber.open("xx", on_partial=lambda _: None)


async def test_the_standbys_failure_does_not_cost_the_leads_words(clock: ManualClock) -> None:
    """The lead's final does not come in time, so both are asked."""
    call = Call(clock, [SPOKEN], [Heard("", error=BrokenStream("no"))])
    call.cloud._final_ms = 5000.0
    async with call.listening():
        assert (await call.utterance()).text == TEXT
    call = Call(clock, [Heard("")], [Heard("")])
    async with call.listening():
        await call.audio(400)
        call.stream.utterance_started()
        await call.audio(600)
        standby = call.stream._standby
        assert standby
        standby.stream = Deaf()
        assert (await call.stream.hypothesis()).text == ""


class BreaksOff(ScriptedTranscriber):
    """Its words come to no end."""

    async def open(
        self, language: str, *, on_partial: Callable[[Hypothesis], None], **others: Sequence[str]
    ) -> ScriptedTranscriptionStream:
        stream = await super().open(language, on_partial=on_partial)
        finish = stream.finish

        async def broken_off() -> Hypothesis:
            return replace(await finish(), final=False)

        stream.finish = broken_off  # type: ignore[method-assign]
        return stream


@pytest.mark.parametrize(
    ("local_ms", "local", "text"),
    [
        (0.0, f"{TEXT} at eight", f"{TEXT} at eight"),
        (300.0, f"{TEXT} at eight", f"{TEXT} at eight"),
        (2500.0, f"{TEXT} at eight", TEXT),
        (0.0, TEXT, TEXT),
    ],
)
async def test_words_that_came_to_no_end_wait_half_a_second_for_better_ones(
    clock: ManualClock, local_ms: float, local: str, text: str
) -> None:
    call = Call(clock, [], lambda number: local)
    call.cloud = BreaksOff([SPOKEN], name="cloud")
    call.local._final_ms = local_ms
    call.transcriber = FailoverTranscriber([call.cloud, call.local], clock).watched(call.switches.append)
    async with call.listening():
        await call.audio(400)
        call.stream.utterance_started()
        await call.audio(1400)
        began = clock.now()
        words = await call.stream.finish()
        assert clock.now() - began <= LONG_GRACE_S + 0.001
    assert (words.text, words.final) == (text, text != TEXT)


class Deaf(ScriptedTranscriptionStream):
    """Fails whenever it is asked."""

    def __init__(self) -> None:
        super().__init__(lambda number: "", "en", lambda words: None, 0.0)

    async def hypothesis(self) -> Hypothesis:
        raise BrokenStream("deaf")


class Hanging(ScriptedTranscriber):
    """Begins to listen when `hangs` is set to False."""

    hangs = True

    async def open(
        self, language: str, *, on_partial: Callable[[Hypothesis], None], **others: Sequence[str]
    ) -> ScriptedTranscriptionStream:
        if self.hangs:
            await asyncio.Event().wait()
        return await super().open(language, on_partial=on_partial)


async def test_one_that_hangs_is_not_waited_for_and_comes_back_later(clock: ManualClock) -> None:
    call = Call(clock, [], [SPOKEN])
    call.cloud = Hanging([SPOKEN], name="cloud")
    call.transcriber = FailoverTranscriber([call.cloud, call.local], clock).watched(call.switches.append)
    began = clock.now()
    async with call.listening():
        assert clock.now() - began == pytest.approx(OPEN_S)
        assert (await call.utterance()).text == TEXT
        call.cloud.hangs = False
        await call.audio(int((REOPEN_S + BACK_S) * 1000))
        assert call.taken == ["local", "cloud"]
        assert (await call.utterance()).text == TEXT
