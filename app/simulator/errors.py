"""What can go wrong on the simulator's own side.

RelayError
├── CannotRun       there is nobody to call: the server cannot be reached, or refuses
├── BadScript       a script file that cannot be used; carries path, line and column
└── BadRecording    an audio file that cannot be read
"""

from __future__ import annotations

from app.errors import RelayError


class CannotRun(RelayError):
    """The call could not be placed at all; the message says what to do about it."""


class BadScript(RelayError):
    """A fault in a script file. `line` and `column` count from 1, as editors do."""

    def __init__(self, path: str, line: int, column: int, message: str) -> None:
        super().__init__(f"{path}:{line}:{column} {message}")
        self.path = path
        self.line = line
        self.column = column


class BadRecording(RelayError):
    """An audio file that is missing, or that nothing here can decode."""
