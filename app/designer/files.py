"""Which files a command is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from app.errors import RelayError
from app.flow.section import suggestion
from app.flow.sources import name_and_kind


class NoSuchFlow(RelayError):
    """A file or a directory that a command was given and that is not there, or is no flow's."""


def directory_texts(directory: Path) -> dict[str, str]:
    """The YAML files of a directory and the facts below it, text by path."""
    facts = [path for kind in ("*.md", "*.txt") for path in directory.rglob(kind)]
    paths = sorted([*directory.glob("*.yaml"), *facts])
    return {str(path): path.read_text("utf-8", "replace") for path in paths}


def flow_files(given: Sequence[Path], directory: Path) -> list[Path]:
    """The flow files that are meant: those of `directory` where none is given, the flow of a translation or a test.

    A flow of `directory` can be given by its name alone.

    Raises NoSuchFlow.
    """
    if not directory.is_dir() and not given:
        raise NoSuchFlow(f"there is no directory {directory}; name the files, or set FLOWS_DIR")
    named = [path if path.suffix or path.exists() else directory / f"{path}.yaml" for path in given]
    found = [one for path in named or [directory] for one in _flows_of(path)]
    return list(dict.fromkeys(found))


def _flows_of(path: Path) -> Iterable[Path]:
    if path.is_dir():
        return [one for one in sorted(path.glob("*.yaml")) if not name_and_kind(one.name)[1]]
    own = path.with_name(f"{name_and_kind(path.name)[0]}.yaml")
    if not own.is_file():
        raise no_such_flow(own)
    return [own]


def no_such_flow(path: Path) -> NoSuchFlow:
    """There is no such file; perhaps another one was meant."""
    there = [one.stem for one in sorted(path.parent.glob("*.yaml")) if not name_and_kind(one.name)[1]]
    known = (
        suggestion(path.stem, there)
        if there
        else f"{path.parent} holds none; begin with `callrelay flow new NAME`"
    )
    return NoSuchFlow(f"there is no flow file {path}; {known}")
