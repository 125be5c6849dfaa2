"""Taking a caller's message: from the tone to its end, whatever ends it, into a file."""

from __future__ import annotations

from collections.abc import Callable

from app.call.message import Message, MessageStore
from app.call.registry import Call


class MessageTaking:
    """One stream's messages. `silence_ms` tells how long nobody has spoken, `over` gets each message's seconds."""

    def __init__(
        self,
        call: Call,
        store: MessageStore,
        silence_ms: Callable[[], float],
        over: Callable[[float], None],
        failed: Callable[[str, Exception], None],
    ) -> None:
        self._call = call
        self._store = store
        self._silence_ms = silence_ms
        self._over = over
        self._failed = failed
        self._message: Message | None = None

    @property
    def going_on(self) -> bool:
        """Whether what is said now is a message."""
        return self._message is not None

    def begin(self, max_s: float) -> None:
        """Everything from now on belongs to it."""
        try:
            self._message = self._store.open(self._call.sid, max_s)
        except OSError as error:
            self._failed("a caller's message cannot be kept", error)
            self._over(0.0)

    def hear(self, audio: bytes) -> None:
        """Caller audio, which may end it; a full disk does."""
        if self._message is None:
            return
        try:
            ended = self._message.add(audio, self._silence_ms())
        except OSError as error:
            self._failed("the rest of a caller's message cannot be kept", error)
            ended = True
        if ended:
            self.end()

    def end(self) -> None:
        """It is complete."""
        self._over(self.close())

    def close(self) -> float:
        """Keep what there is, if there is one; returns its seconds."""
        message, self._message = self._message, None
        if message is None:
            return 0.0
        try:
            seconds = message.close(self._silence_ms())
        except OSError as error:
            self._failed("a caller's message cannot be kept", error)
            return 0.0
        self._call.journal.write("recorded", file=message.path.name, seconds=seconds)
        return seconds
