"""A directory of flows on disk: what was read of it, and whether that has changed since."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

# when it was last written, in ns, and its bytes; None for a file that is not there
Stamp = tuple[int, int] | None
UNKNOWN: Stamp = (-1, -1)


class FlowFiles:
    """Each file is stamped before it is read, so that what is written meanwhile counts as a change."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stamps: dict[str, Stamp] = {}

    def text(self, path: str) -> str:
        """Raises OSError."""
        self._stamps[path] = _stamp(path)
        return Path(path).read_text("utf-8", "replace")

    def recording(self, file: str) -> bytes:
        """An audio file, by the name that a flow has for it. Raises OSError."""
        path = self._directory / file
        self._stamps[str(path)] = _stamp(path)
        return path.read_bytes()

    def texts(self) -> list[str]:
        """Every file that flows are made of, sorted: the flows themselves, and below them the facts that they tell."""
        return sorted(self._texts())

    @property
    def read(self) -> Mapping[str, Stamp]:
        """What was asked for, whether it was there or not."""
        return self._stamps

    def now(self) -> Mapping[str, Stamp]:
        """The same files and the new ones as they are now: equal to `read` as long as there is nothing new."""
        return {path: _stamp(path) for path in {*self._stamps, *self._texts()}}

    def _texts(self) -> Iterator[str]:
        top = str(self._directory)
        for folder, _, names in os.walk(top):
            kinds = (".yaml", ".md", ".txt") if folder == top else (".md", ".txt")
            yield from (str(Path(folder, name)) for name in names if name.endswith(kinds))


def _stamp(path: str | Path) -> Stamp:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    except OSError:
        return UNKNOWN
    return found.st_mtime_ns, found.st_size
