"""Earlier runs, in DATA_DIR/load: one file each, named by when it began."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from app.load.figures import Document

COMPARABLE = ("target", "language", "steps", "concurrency")


def keep(data_dir: Path, document: Document) -> Path:
    """Write a run down for the user alone, as all that is kept; where. Raises OSError."""
    directory = data_dir / "load"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{document['at'].replace(':', '').replace('+0000', 'Z')}.json"
    path.touch(0o600)
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", "utf-8")
    return path


def earlier(data_dir: Path, document: Document) -> list[Document]:
    """The runs before in which as many callers at once did the same, the oldest first; unreadable ones are left out."""
    found: list[Document] = []
    for path in sorted((data_dir / "load").glob("*.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            run: Document = json.loads(path.read_text("utf-8"))
            if all(run[key] == document[key] for key in COMPARABLE) and run["at"] < document["at"]:
                found.append(run)
    return found
