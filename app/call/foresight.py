"""What a call will probably say next is made into speech while its caller thinks and speaks.

After each step the sentences that may follow are looked up in the flow's graph, with what calls have done there so
far; those that are likely enough are prepared. Whether a guess came true is remembered, made or not: that is what the
threshold learns from.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from app.call.call import Call
from app.call.learned import LearnedChances
from app.clock import Clock
from app.flow import State
from app.flow import effects as fx
from app.flow.chances import steps
from app.flow.predict import Sentence, foresee
from app.flow.sentences import sentences
from app.orchestrator.answer_cache import Answers
from app.orchestrator.preparing import Preparer, Wish
from app.orchestrator.threshold import AdaptiveThreshold
from app.orchestrator.voices import voice_of
from providers.base import Voice

# the answer goes out first
THINK_AFTER_S = 0.02
GUESSES_MAX = 200
# what callers said is not kept for longer than it is good, even where nobody calls
SWEEP_EVERY_S = 30.0

Spoken = tuple[str, Voice]


@dataclass(frozen=True, slots=True)
class Foresight:
    """What all calls share. `depth` is how many prompts ahead is looked; `answers` are to be given again."""

    clock: Clock
    preparer: Preparer
    learned: LearnedChances
    threshold: AdaptiveThreshold
    depth: int
    answers: Answers

    def of(self, call: Call) -> CallForesight:
        """One stream's."""
        return CallForesight(self, call)

    async def aclose(self) -> None:
        """Keep what was learned, and let go."""
        await self.learned.save()
        await self.preparer.aclose()

    async def run(self) -> None:
        """Prepare, remember and forget, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.preparer.run())
            group.create_task(self.learned.run())
            group.create_task(self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.preparer.cache.sweep()
            self.answers.sweep()


class CallForesight:
    """`stepped` after each step, `run` for as long as the stream lasts."""

    def __init__(self, shared: Foresight, call: Call) -> None:
        self._shared = shared
        self._call = call
        self._guesses: dict[Spoken, float] = {}
        self._stepped = asyncio.Event()

    def stepped(self, before: State | None, effects: Sequence[fx.Effect]) -> None:
        """The call has gone on: learn from it."""
        if before is not None:
            for source, target in steps(before.node, effects):
                self._shared.learned.saw(self._call.flow, source, target)
        for say in effects:
            if isinstance(say, fx.Say) and say.wording == "templated" and not say.sensitive:
                self._came_true(say)
        self._stepped.set()

    async def run(self) -> None:
        """Foresee after each step, for ever."""
        try:
            while True:
                await self._stepped.wait()
                self._stepped.clear()
                await asyncio.sleep(THINK_AFTER_S)
                self._shared.preparer.wish(self._call.sid, self._wishes())
        finally:
            self._over()

    def _over(self) -> None:
        """Nothing more is said: what has not come true will not."""
        self._shared.preparer.forget(self._call.sid)
        for chance in self._guesses.values():
            self._shared.threshold.settled(chance, False)
        self._guesses.clear()

    def _came_true(self, say: fx.Say) -> None:
        voice = self._voice(say.language)
        for text in sentences(say.text):
            chance = self._guesses.pop((text, voice), None)
            if chance is not None:
                self._shared.threshold.settled(chance, True)

    def _wishes(self) -> list[Wish]:
        state, shared = self._call.state, self._shared
        if state is None:
            return []
        chances = shared.learned.of(self._call.flow)
        found = foresee(self._call.flow, state, shared.clock.wall(), chances, shared.depth)
        return [wish for one in found if (wish := self._wish(one))]

    def _wish(self, one: Sentence) -> Wish | None:
        """None where it is there, or not likely enough."""
        voice, shared = self._voice(one.language), self._shared
        guess = one.text, voice
        if one.kind == "templated" and (guess in self._guesses or len(self._guesses) < GUESSES_MAX):
            self._guesses[guess] = max(one.chance, self._guesses.get(guess, 0.0))
        if guess in shared.preparer.cache:
            return None
        if one.chance < shared.threshold.value:
            shared.preparer.cache.note(one.text, voice, "too unlikely")
            return None
        return Wish(one.text, voice, one.kind, one.chance)

    def _voice(self, language: str) -> Voice:
        return voice_of(self._shared.preparer.synthesizer, language, self._call.flow.voices)
