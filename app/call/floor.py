"""Who speaks and who listens, live: edges of speech and words become turn-taking's events.

A pause is judged the moment it begins: what has been said so far is recognised, held against the question's grammar
of completeness, and listened to for its intonation, once more when it has lasted a while. Each answer to that may end
the turn, and so may every further window of silence. Speech over the agent is judged by its words, again and again
while it lasts. Words that come while the caller still speaks may be all.
"""

from __future__ import annotations

import asyncio
import weakref
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from app.audio.activity import Edge
from app.audio.echo import EchoGate
from app.audio.endpoint import ASK_AGAIN_MS, UNKNOWN_MS, Pause, announces_more, silence_needed_ms
from app.call.hearing import Hearing
from app.call.interrupting import SURELY_MEANT_MS, is_meant, lasts_too_long
from app.call.listener import Listener
from app.call.saying import Prompt
from app.call.services import Services
from app.call.tasks import Tasks
from app.dialogue.interim import Interim
from app.dialogue.turn import Turn, TurnAction, TurnEvent, TurnState
from app.errors import ProviderError
from app.flow.effects import Listen
from app.flow.phrases import is_courtesy, meant
from providers.base import EndOfTurnDetector, Hypothesis

TAKEN_BACK_WITHIN_S = 0.5
TAKE_BACK_MARGIN_S = 0.05
# nobody has heard a new question, and answers it, so soon: a "please" still belongs to the turn that is over
COURTESY_WITHIN_S = 1.2
FIRST_WORDS_MS = 256.0
MORE_WORDS_MS = 32.0
# a pause this short is part of what is said over the agent: the closed lips of a "p", or "hold" … "on"
ASIDE_MS = 300.0


@dataclass(slots=True, eq=False)
class TurnEnded:
    """The caller's turn is over: it began at `began_at` and ended at `t0`, which was known at `decided_at`.

    `text` is what was answered (or held, or nothing), None before that; `taken_back` turns were not over after all.
    It `follows` another that was hardly over when it began.
    """

    began_at: float
    t0: float
    decided_at: float
    window_waited_ms: float
    unbroken_ms: float
    pause: Pause
    text: str | None = field(default=None, repr=False)
    taken_back: bool = False
    follows: bool = False

    @property
    def stands_at(self) -> float:
        """From when on it cannot be taken back any more."""
        return self.decided_at + TAKEN_BACK_WITHIN_S + TAKE_BACK_MARGIN_S


class FloorActor(Protocol):
    """Who acts on it."""

    @property
    def prompt(self) -> Prompt | None:
        """What the agent is saying."""
        ...

    @property
    def must_be_heard(self) -> bool:
        """Whether no speech may interrupt that."""
        ...

    @property
    def question(self) -> Listen | None:
        """What the caller was asked."""
        ...

    @property
    def may_suppose(self) -> bool:
        """Whether it may be of use to know the caller's words before their turn is over."""
        ...

    def words_so_far(self, text: str, began_at: float) -> None:
        """The caller has said this since a moment, and perhaps that is all."""
        ...

    def turn_ended(self, turn: TurnEnded) -> None:
        """Understand the caller, and answer."""
        ...

    def turn_taken_back(self, turn: TurnEnded) -> None:
        """They go on: undo the answer; their next words belong to the last ones."""
        ...

    def yield_floor(self) -> None:
        """Stop speaking, now."""
        ...

    def wary(self, wary: bool) -> None:
        """The caller may be about to interrupt: commit as little audio as possible; or not any more."""
        ...

    def floor_changed(self) -> None:
        """Something happened."""
        ...


class Floor:
    """One stream's turn-taking; hears the listener's reports. `tasks` run what has to be waited for."""

    def __init__(
        self,
        services: Services,
        hearing: Hearing,
        echo: EchoGate,
        tasks: Tasks,
        actor: FloorActor,
    ) -> None:
        self._clock = services.clock
        self._end_of_turn = services.speech.end_of_turn
        self._hearing = hearing
        self._tasks = tasks
        self._actor = actor
        self._turn = Turn()
        self._pause = Pause()
        self._silence_needed_ms = UNKNOWN_MS
        self._judging: list[asyncio.Task[None]] = []
        self._interim = Interim()
        self._words_seen = ""
        self._heard_over: Hypothesis | None = None
        self._words_at_ms = FIRST_WORDS_MS
        self.carried = ""
        self.began_at = float("-inf")
        self._ended: TurnEnded | None = None
        # it ends with us: see Conversation
        reports = weakref.proxy(self)
        self.listener = Listener(services.clock, services.speech.detector, hearing, echo, reports, tasks)

    @property
    def state(self) -> TurnState:
        return self._turn.state

    def carry(self, text: str) -> None:
        """Words that the next ones belong to: the turn that was taken back said them."""
        self.carried = text

    def happened(self, event: TurnEvent) -> None:
        """Move on, and do what follows."""
        match self._turn.happened(event):
            case TurnAction.OPEN:
                self.began_at = self._clock.now()
                self.listener.turn_started()
                self._open()
            case TurnAction.CONTINUE:
                self._stop_judging()
                self._hearing.utterance_started()
            case TurnAction.JUDGE:
                self._hearing.utterance_paused()
                self._judge()
            case TurnAction.COMMIT:
                self._commit()
            case TurnAction.TAKE_BACK:
                self._open()
                if self._ended:
                    self._actor.turn_taken_back(self._ended)
            case TurnAction.DISCARD:
                self._stop_judging()
                self._hearing.discard()
            case TurnAction.YIELD:
                self._actor.yield_floor()
        self._actor.wary(self._turn.state in (TurnState.OVERLAP, TurnState.ASIDE))
        self._actor.floor_changed()

    def agent_finished(self) -> None:
        """Everything said was heard, or thrown away; what was said over it and judged to be none is no turn then."""
        if self._aside_judged:
            self.happened(TurnEvent.DISMISSED)
        self.happened(TurnEvent.AGENT_FINISHED)

    def close(self) -> None:
        """Nothing happens after this."""
        self.happened(TurnEvent.ENDED)
        self._stop_judging()
        self.listener.close()

    def edge(self, edge: Edge) -> None:
        if edge is Edge.LULL:
            self.happened(TurnEvent.LULL)
        elif self._is_resumption():
            self.happened(TurnEvent.RESUMED)
        else:
            self.happened(TurnEvent.ONSET)

    def _is_resumption(self) -> bool:
        follows = self._turn.state in (TurnState.QUIET, TurnState.AGENT, TurnState.DECIDING)
        if self._ended is None or not follows:
            return False
        return self._clock.now() - self._ended.decided_at <= TAKEN_BACK_WITHIN_S

    def listened(self) -> None:
        if self._turn.state is TurnState.CALLER:
            self._look_at_interim_words()
        elif self._turn.state is TurnState.LULL:
            self._end_if_long_enough()
        elif self._turn.state is TurnState.OVERLAP:
            self._interrupt_if_meant()
        elif self._aside_judged and self._aside_is_over:
            self.happened(TurnEvent.DISMISSED)

    @property
    def decides(self) -> bool:
        if self._turn.state is TurnState.LULL:
            return self.listener.silence_ms >= self._silence_needed_ms
        if self._turn.state is TurnState.OVERLAP:
            return not self._actor.must_be_heard
        return self._aside_judged and self._aside_is_over

    @property
    def _aside_is_over(self) -> bool:
        return self.listener.silence_ms >= ASIDE_MS and not self.listener.activity.beginning

    @property
    def _aside_judged(self) -> bool:
        """Whether what was said over the agent has been judged, and was no interruption as far as it went."""
        return self._turn.state is TurnState.ASIDE and self._pause.text is not None

    def _open(self) -> None:
        self._stop_judging()
        self._interim, self._words_seen, self._heard_over = Interim(), "", None
        self._words_at_ms = FIRST_WORDS_MS
        self.listener.utterance_started()
        self._hearing.utterance_started()

    def _commit(self) -> None:
        pause = self._pause
        self._stop_judging()
        now, listener = self._clock.now(), self.listener
        t0 = min(listener.speech_ended_at, now)
        self._ended = TurnEnded(
            self.began_at,
            t0,
            now,
            listener.window_waited_ms,
            listener.activity.unbroken_ms,
            pause,
            follows=self._follows,
        )
        self._actor.turn_ended(self._ended)

    @property
    def _follows(self) -> bool:
        """Whether the caller's last turn was hardly over when they began, and there was something in it."""
        ended = self._ended
        if ended is None or ended.text == "":
            return False
        return 0 <= self.began_at - ended.decided_at <= COURTESY_WITHIN_S

    @property
    def _said_before(self) -> str:
        """The words that the next ones may be the rest of."""
        return self.carried or (self._ended.text or "" if self._ended and self._follows else "")

    # judging

    def _judge(self) -> None:
        self._stop_judging()
        self._judging.append(self._tasks.create(self._recognise()))
        if self._turn.state is TurnState.LULL and self._end_of_turn:
            self._judging.append(self._tasks.create(self._listen_for_an_end(self._end_of_turn)))

    def _stop_judging(self) -> None:
        self._pause, self._silence_needed_ms = Pause(), UNKNOWN_MS
        for task in self._judging:
            task.cancel()
        self._judging.clear()

    async def _recognise(self) -> None:
        heard = await self._words()
        self._judge_words_over(heard, TurnState.ASIDE)
        text = heard.text if heard else ""
        question = self._actor.question
        said = f"{self.carried} {text}".strip()
        complete = question.grammar.complete(said) if question else None
        if (self.carried or self._follows) and is_courtesy(text, self._hearing.language):
            complete = True  # what it stands behind was all
        if self._turn.state is TurnState.LULL and said:
            self._actor.words_so_far(said, self.began_at)
        self._learnt(replace(self._pause, text=f"{self._said_before} {text}".strip(), complete=complete))

    async def _listen_for_an_end(self, detector: EndOfTurnDetector) -> None:
        with suppress(ProviderError):
            probability = await detector.probability(self.listener.turn_audio)
            self._learnt(replace(self._pause, end_probability=probability))
            await asyncio.sleep(max(0.0, ASK_AGAIN_MS - self.listener.silence_ms) / 1000)
            if self._pause.complete is not False:
                probability = await detector.probability(self.listener.turn_audio)
                self._learnt(replace(self._pause, later_probability=probability))

    async def _words(self) -> Hypothesis | None:
        """The words so far; None where nobody has listened so far."""
        with suppress(ProviderError):
            heard = await self._hearing.hypothesis()
            if heard.text or heard.audio_ms:
                return heard
        return None

    def _end_if_long_enough(self) -> None:
        if self.listener.silence_ms >= self._silence_needed_ms:
            self.happened(TurnEvent.ENDPOINT)

    def _learnt(self, pause: Pause) -> None:
        """More is known about the pause: it may last long enough already."""
        self._pause = pause
        self._silence_needed_ms = silence_needed_ms(pause, self._hearing.language)
        self.listened()

    # words that come while the caller speaks

    def _look_at_interim_words(self) -> None:
        question, text = self._actor.question, self._hearing.best.text
        if question is None or not text or not (self._interim.may_guess and self._actor.may_suppose):
            return
        said, now = f"{self.carried} {text}".strip(), self._clock.now()
        if text != self._words_seen:
            self._words_seen = text
            self._interim.heard(meant(said, question.language), partial(_completes, said, question), now)
        if self._interim.worth_a_guess(now):
            self._actor.words_so_far(said, self.began_at)

    # interruptions

    def _interrupt_if_meant(self) -> None:
        if self._actor.must_be_heard:
            return
        activity = self.listener.activity
        if self._lasts_too_long(activity.unbroken_ms):
            self.happened(TurnEvent.INTERRUPTED)
        elif activity.voiced_ms >= self._words_at_ms and all(task.done() for task in self._judging):
            self._words_at_ms = activity.voiced_ms + MORE_WORDS_MS
            self._judging = [self._tasks.create(self._judge_overlap())]

    async def _judge_overlap(self) -> None:
        self._judge_words_over(await self._words(), TurnState.OVERLAP)

    def _judge_words_over(self, heard: Hypothesis | None, state: TurnState) -> None:
        """If that is still the state they were asked for in."""
        if self._turn.state is state:
            self._heard_over = heard
            if self._is_meant(heard):
                self.happened(TurnEvent.INTERRUPTED)

    def _is_meant(self, heard: Hypothesis | None) -> bool:
        if heard is None or not heard.text or self._actor.must_be_heard or self._is_courtesy(heard):
            return False
        voiced_ms = self.listener.activity.voiced_ms
        return is_meant(heard, voiced_ms, self._actor.prompt, self._actor.question)

    def _lasts_too_long(self, unbroken_ms: float) -> bool:
        heard = self._heard_over
        if heard and self._is_courtesy(heard):
            return unbroken_ms >= SURELY_MEANT_MS
        return lasts_too_long(unbroken_ms, heard, self._actor.prompt)

    def _is_courtesy(self, heard: Hypothesis) -> bool:
        """Whether it is a "thank you" behind a turn that was hardly over."""
        return self._follows and is_courtesy(heard.text, self._hearing.language)


def _completes(said: str, question: Listen) -> bool | None:
    """Whether the words so far answer the question: see `Grammar.complete`."""
    return False if announces_more(said, question.language) else question.grammar.complete(said)
