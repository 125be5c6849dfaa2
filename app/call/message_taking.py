"""Taking a caller's message: from the tone to its end, whatever ends it, into a file."""

from __future__ import annotations

from typing import Protocol

from app.call.call import Call
from app.call.listener import Listener
from app.call.message import Message, MessageStore
from app.flow.effects import Record


class MessageReports(Protocol):
    """What is told of a message."""

    def message_over(self, seconds: float) -> None:
        """It is complete; 0 seconds when nothing was said or nothing could be kept."""
        ...

    def message_failed(self, what: str, error: Exception) -> None:
        """It could not be kept, or not to its end."""
        ...


class MessageTaking:
    """One stream's messages."""

    def __init__(
        self,
        call: Call,
        store: MessageStore,
        listener: Listener,
        reports: MessageReports,
    ) -> None:
        self._call = call
        self._store = store
        self._listener = listener
        self._reports = reports
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
            self._reports.message_failed("a caller's message cannot be kept", error)
            self._reports.message_over(0.0)

    def hear(self, audio: bytes) -> None:
        """Caller audio, which may end it; a full disk does."""
        if self._message is None:
            return
        try:
            ended = self._message.add(audio, self._listener.silence_ms)
        except OSError as error:
            self._reports.message_failed("the rest of a caller's message cannot be kept", error)
            ended = True
        if ended:
            self.end()

    def pressed(self, digit: str, taking: object) -> None:
        """A key, which may end it."""
        if isinstance(taking, Record) and digit in taking.finish:
            self.end()

    def end(self) -> None:
        """It is complete."""
        self._reports.message_over(self.close())

    def close(self) -> float:
        """Keep what there is, if there is one; returns its seconds."""
        message, self._message = self._message, None
        if message is None:
            return 0.0
        try:
            seconds = message.close(self._listener.silence_ms)
        except OSError as error:
            self._reports.message_failed("a caller's message cannot be kept", error)
            return 0.0
        self._call.journal.write("recorded", file=message.path.name, seconds=seconds)
        return seconds
