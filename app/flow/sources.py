"""What lies beside a flow's file: its translations, the flows that it calls, the facts that it tells. All are texts by
path; reading them from a disk is the shell's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath


def name_and_kind(path: str) -> tuple[str, str]:
    """(name, LANG or `test` or nothing) of a flow's file."""
    name, _, kind = path.rpartition("/")[2].removesuffix(".yaml").partition(".")
    return name, kind


def directory_of(path: str) -> str:
    """With its slash at the end, empty for none."""
    directory, slash, _ = path.rpartition("/")
    return directory + slash


def translations_of(path: str, files: Mapping[str, str]) -> dict[str, str]:
    """The overlays of a flow's file."""
    name, _ = name_and_kind(path)
    return {other: files[other] for other in files if _is_translation(other, path, name)}


def _is_translation(other: str, path: str, name: str) -> bool:
    own, kind = name_and_kind(other)
    beside = directory_of(other) == directory_of(path)
    return beside and own == name and kind not in ("", "test") and other.endswith(".yaml")


def flows_beside(path: str, files: Mapping[str, str]) -> dict[str, str]:
    """The paths of the flows in a file's directory, by name."""
    return {
        name: other
        for other in sorted(files)
        for name, kind in [name_and_kind(other)]
        if directory_of(other) == directory_of(path) and not kind and other.endswith(".yaml")
    }


def inside(path: str, reference: str) -> str | None:
    """The path that a flow's file means by a reference; None for one that leads out of its directory."""
    parts = PurePosixPath(reference).parts
    if not parts or reference.startswith("/") or ".." in parts or "\\" in reference:
        return None
    return directory_of(path) + str(PurePosixPath(reference))
