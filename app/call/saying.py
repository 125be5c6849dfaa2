"""Words to say, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.audio.voicing import Voicing
from app.dialogue.transcript import letters_of, share_heard, split_at
from app.flow.sentences import sentences
from app.orchestrator.cache_figures import Kind
from app.orchestrator.making import Words
from providers.base import Voice

LETTER_MS = 45.0


@dataclass(frozen=True, slots=True)
class Prompt:
    """Words to say. `by_speech` and `by_key`: whether speech (of at least `min_words`) or a key interrupts them.

    `record` is what the journal may know of them, `key` their place in the flow. Words of a `kind` may be kept as
    speech, `generated` ones are a model's, `passing` ones belong to their moment, and `brief` ones give way to
    what follows, wherever they are. `bridging` ones fill the wait for an answer, and are none. `audio` is played
    instead of being made from the words.
    """

    text: str = field(repr=False)
    record: str = field(repr=False)
    node: str
    voice: Voice
    key: str = ""
    by_speech: bool = True
    by_key: bool = True
    min_words: int = 1
    kind: Kind | None = None
    generated: bool = False
    passing: bool = False
    brief: bool = False
    bridging: bool = False
    audio: bytes | None = field(default=None, repr=False)

    @property
    def words(self) -> Words:
        """What varies is made and kept by sentences: most of them are the same every time."""
        pieces = sentences(self.text) if self.kind == "templated" else (self.text,)
        return Words(pieces, self.voice, self.kind, self.key)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of a prompt: how much of its `record` the caller heard, and the longest gap inside it."""

    prompt: Prompt
    heard: str = field(repr=False)
    unheard: str = field(repr=False)
    gap_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Left:
    """What a stream leaves to the next one of its call: what was not heard to its end, and of a model's reply what was
    said, where more of it was to come, and what was heard."""

    unheard: Sequence[Prompt] = ()
    reply_said: Sequence[str] = field(default=(), repr=False)
    reply_heard: Sequence[str] = field(default=(), repr=False)


NOTHING = Left()


@dataclass(slots=True)
class Saying:
    """A prompt on its way to the ear. It begins at `start_ms` of the playout; `made_ms` of it have been made."""

    prompt: Prompt
    start_ms: float
    ready_at: float
    cached: bool
    whole: bool
    chunks: list[bytes] = field(default_factory=list)
    made_ms: float = 0.0
    complete: bool = False
    broke_off: bool = False
    started: bool = False
    gap_ms: float = 0.0

    @property
    def end_ms(self) -> float:
        """Where what has been made ends, on the playout's scale."""
        return self.start_ms + self.made_ms

    def heard_by(self, heard_ms: float) -> bool:
        """Whether it was heard to its end at a position of the playout."""
        return self.complete and heard_ms >= self.end_ms

    def spoken(self, heard_ms: float) -> Spoken:
        """What was heard until a position of the playout; what has not been made yet is guessed from its letters."""
        voicing = Voicing(b"".join(self.chunks))
        text = self.prompt.text or self.prompt.record
        whole = self.whole or (self.complete and not self.broke_off)
        lasts_ms = max(voicing.ms, 1.0 if whole else letters_of(text) * LETTER_MS)
        share = share_heard(text, voicing.until(heard_ms - self.start_ms), lasts_ms, voicing.pauses_ms)
        return Spoken(self.prompt, *split_at(self.prompt.record, share), self.gap_ms)
