"""What callrelay asks of a speech or model service. One file per vendor and role implements one of these.

Audio is G.711 μ-law, 8,000 Hz, mono, in `bytes` of any length: 8 bytes a millisecond.
Callbacks run on the event loop that opened the stream. Nothing here blocks the loop: work that takes longer
than a fraction of a millisecond belongs on the implementation's own bounded, watched threads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from app.errors import ProviderError


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the caller seems to have said in the current utterance.

    `audio_ms` is how much of the utterance's audio the text covers, `confidence` is 0..1 or None where the
    service gives none. An empty `text` means that nothing was understood. `final` words are all that was said; `finish`
    may give words that are not: all that came of more.
    """

    text: str = field(repr=False)
    language: str
    final: bool
    audio_ms: float
    confidence: float | None = None


class TranscriptionStream(Protocol):
    """One call's ear. Audio flows in all the time; the voice detector says where utterances are."""

    def push(self, audio: bytes) -> None:
        """Append caller audio. Bounded: what exceeds the bound is dropped, oldest first, and counted."""
        ...

    def utterance_started(self) -> None:
        """Speech began; the last few hundred milliseconds pushed belong to it, since detectors are late."""
        ...

    def utterance_paused(self) -> None:
        """A first short silence: a good moment to decode all there is, in case the utterance ends here."""
        ...

    async def hypothesis(self) -> Hypothesis:
        """What has been said so far, up to now or to the last pause.

        Raises ProviderError. Safe to cancel.
        """
        ...

    async def finish(self) -> Hypothesis:
        """The utterance is over: its final text, or what came of it. The next one starts empty.

        Raises ProviderError. Safe to cancel.
        """
        ...

    def discard(self) -> None:
        """What was heard was no utterance: forget it."""
        ...

    @property
    def failure(self) -> ProviderError | None:
        """Why nothing more will come of this stream; None while it may."""
        ...

    async def aclose(self) -> None:
        """Release everything, cancel what runs. Idempotent."""
        ...


class Transcriber(Protocol):
    """Speech to text."""

    @property
    def name(self) -> str:
        """Short, stable, for metrics and settings: `embedded`, `azure`, `openai`."""
        ...

    @property
    def languages(self) -> frozenset[str]:
        """ISO 639-1 codes it understands."""
        ...

    @property
    def partials(self) -> bool:
        """Whether words come while the caller still speaks: silence is a bad sign then."""
        ...

    async def open(
        self,
        language: str,
        *,
        on_partial: Callable[[Hypothesis], None],
        hints: Sequence[str] = (),
        candidates: Sequence[str] = (),
    ) -> TranscriptionStream:
        """Begin to listen in `language`. `hints` are phrases to expect; a service may ignore them.

        While the language is open, `candidates` are others that may be spoken: `Hypothesis.language` says which was.
        Connections are made meanwhile: audio may come before they are, and `failure` tells when they are not.
        """
        ...

    @property
    def healthy(self) -> bool:
        """Whether it can do its work now, as far as it knows."""
        ...

    async def warm_up(self) -> None:
        """Do once what would make the first call slow."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Voice:
    """How words sound: a provider's voice name in a language (ISO 639-1, or with region: `en-GB`).

    `provider` is whose voice it is, empty where that goes without saying.
    """

    name: str
    language: str
    provider: str = ""


class Synthesizer(Protocol):
    """Text to speech."""

    @property
    def name(self) -> str: ...

    def voice(self, language: str) -> Voice | None:
        """The voice for a language, None where there is none."""
        ...

    @property
    def default_voice(self) -> Voice:
        """Who speaks where a language has no voice."""
        ...

    def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[bytes, None]:
        """Speech for `text`, chunk by chunk as it is made, without leading silence above 30 ms.

        Raises ProviderError from the iterator: where words can be told apart, `BrokenStream.emitted` is the beginning
        of the text that was said to the end of a word, and else bytes. Closing the iterator (`aclose`) stops the work.
        """
        ...

    @property
    def healthy(self) -> bool:
        """Whether it can do its work now, as far as it knows."""
        ...

    async def warm_up(self) -> None:
        """Do once what would make the first call slow."""
        ...

    async def aclose(self) -> None: ...


class VoiceStream(Protocol):
    """One call's voice detector."""

    def push(self, audio: bytes) -> None:
        """Append caller audio, in order, gaps already concealed. What is awaited may be told before this returns."""
        ...

    def close(self) -> None:
        """No callback comes after this. Idempotent."""
        ...


class VoiceWindow(NamedTuple):
    """Speech probability (0..1) of one window of caller audio.

    `end_ms` is stream time: milliseconds of audio pushed up to the window's end. `waited_ms` is how long the
    window waited, from its last byte's `push` until its result was delivered, in milliseconds.
    """

    probability: float
    end_ms: float
    waited_ms: float


def nobody_waits() -> bool:
    """For windows that nothing is decided by; see `VoiceDetector.open`."""
    return False


class VoiceDetector(Protocol):
    """Voice activity, batched over calls."""

    @property
    def name(self) -> str: ...

    def open(
        self,
        on_windows: Callable[[Sequence[VoiceWindow]], None],
        awaited: Callable[[], bool] = nobody_waits,
    ) -> VoiceStream:
        """`awaited` says of each window, as it is complete, whether something is decided by it; others may wait."""
        ...

    @property
    def healthy(self) -> bool:
        """Whether it can do its work now, as far as it knows."""
        ...

    async def warm_up(self) -> None:
        """Do once what would make the first call slow."""
        ...

    async def aclose(self) -> None: ...


class EndOfTurnDetector(Protocol):
    """Whether a caller who stopped speaking has finished."""

    @property
    def name(self) -> str: ...

    async def probability(self, audio: bytes) -> float:
        """How likely the turn is complete, 0..1, by the caller's audio of this turn up to the silence after it.

        The last eight seconds are enough. Raises ProviderError. Safe to cancel.
        """
        ...

    @property
    def healthy(self) -> bool:
        """Whether it can do its work now, as far as it knows."""
        ...

    async def warm_up(self) -> None:
        """Do once what would make the first call slow."""
        ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a model may ask for. `parameters` is a JSON Schema of type object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool; `arguments` are JSON, not yet checked against the tool's schema."""

    id: str
    name: str
    arguments: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One contribution to a conversation.

    An agent's may hold the tools it asked for; a tool's is that tool's result, and names the call it answers.
    """

    role: Literal["caller", "agent", "tool"]
    text: str = field(repr=False)
    tool_calls: Sequence[ToolCall] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One reply to be made. `messages` is the conversation so far, the caller's newest words last.

    `instruction` says what to do, `facts` what may be told; `outcomes` are the names, each with what it means,
    of which the model may choose one to end the conversation. `language` is ISO 639-1; `max_tokens` bounds the reply.
    `begun` is what the agent has already said of this very reply: it goes on from there. `style` says how the language
    is to be spoken; empty: just that it is. `brief` replies are shorter than usual, for time is short.
    `reuse` names what the answer depends on besides; empty: it is for this caller alone.
    """

    instruction: str = field(repr=False)
    messages: Sequence[Message]
    language: str
    max_tokens: int
    facts: str = field(default="", repr=False)
    outcomes: Mapping[str, str] = field(default_factory=dict)
    tools: Sequence[Tool] = ()
    begun: str = field(default="", repr=False)
    style: str = ""
    brief: bool = False
    reuse: str = ""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next words of a reply, white space as it is to be joined.

    Empty where the service is at work on something that is not spoken: a tool's arguments, say.
    """

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OutcomeChosen:
    """The model ends the conversation with one of the request's outcomes: never with another name."""

    outcome: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The reply is complete; tokens as the service counted them, None where it did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


ModelEvent = TextDelta | ToolCall | OutcomeChosen | Finished


class SimilarityModel(Protocol):
    """Tells how near two sentences are in meaning, whatever their words and languages."""

    @property
    def name(self) -> str: ...

    @property
    def healthy(self) -> bool: ...

    async def prepare(self, sentences: Sequence[str]) -> None:
        """Get to know sentences that will be compared with, so that comparing is quick. Raises ProviderError."""
        ...

    async def similarities(self, text: str, sentences: Sequence[str]) -> Sequence[float]:
        """For each sentence: about 0 for nothing in common, 1 for the same. Raises ProviderError. Safe to cancel."""
        ...

    async def warm_up(self) -> None: ...

    async def aclose(self) -> None: ...


class LanguageModel(Protocol):
    """Words from words."""

    @property
    def name(self) -> str:
        """Short, stable, for metrics and settings: `azure`, `openai`, `anthropic`, `embedded`, `scripted`."""
        ...

    def reply(self, request: ModelRequest) -> AsyncGenerator[ModelEvent, None]:
        """The reply, as it is made; the last event is Finished.

        Raises ProviderError from the iterator: `BrokenStream.emitted` is the text that had come. Closing the
        iterator (`aclose`) closes the request, and the service stops.
        """
        ...

    @property
    def healthy(self) -> bool:
        """Whether it can do its work now, as far as it knows."""
        ...

    async def warm_up(self) -> None:
        """Do once what would make the first call slow."""
        ...

    async def aclose(self) -> None: ...
