"""All flows of a directory, from the texts of its files. Reading the directory is the shell's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.errors import InvalidFlow
from app.flow.loading import load
from app.flow.model import Flow


@dataclass(frozen=True, slots=True)
class Library:
    """`flows` by name; `faults` of the files that could not be used, by flow name.

    A flow with faults stays in `flows` in its last good version, if it ever had one.
    """

    flows: Mapping[str, Flow] = field(default_factory=dict)
    faults: Mapping[str, InvalidFlow] = field(default_factory=dict)

    def for_number(self, number: str) -> Flow | None:
        """The flow that the dialled number starts."""
        return next((flow for flow in self.flows.values() if number in flow.numbers), None)


def build_library(
    files: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    previous: Library | None = None,
) -> Library:
    """The library of `files`, text by path (`flows/NAME.yaml`, `flows/NAME.LANG.yaml`; tests are left out).

    A file that has become invalid keeps `previous`'s version of the flow. A file that is gone takes it along.
    """
    flows: dict[str, Flow] = {}
    faults: dict[str, InvalidFlow] = {}
    for path, text in sorted(files.items()):
        name, kind = file_parts(path)
        if kind or not path.endswith(".yaml"):
            continue
        overlays = {other: files[other] for other in files if is_translation(other, path, name)}
        try:
            flows[name] = _named(load(text, path, overlays, environment), name)
        except InvalidFlow as error:
            faults[name] = error
            if previous is not None and name in previous.flows:
                flows[name] = previous.flows[name]
    return Library(flows, faults)


def _named(flow: Flow, name: str) -> Flow:
    if flow.name != name:
        place = flow.places[flow.start]
        raise InvalidFlow(
            [
                type(place)(flow.path, 1, 1).fault(
                    f'the file is named "{name}", its flow "{flow.name}"; make both agree'
                )
            ]
        )
    return flow


def file_parts(path: str) -> tuple[str, str]:
    """(name, LANG or `test` or nothing) of a file's path."""
    file = path.rpartition("/")[2].removesuffix(".yaml")
    name, _, kind = file.partition(".")
    return name, kind


def is_translation(other: str, path: str, name: str) -> bool:
    """Whether a file holds the wording of the flow `name` at `path` in another language."""
    same_directory = other.rpartition("/")[0] == path.rpartition("/")[0]
    return (
        same_directory
        and file_parts(other)[0] == name
        and file_parts(other)[1] not in ("", "test")
        and other.endswith(".yaml")
    )
