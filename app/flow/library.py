"""All flows of a directory, from the texts of its files. Reading the directory is the shell's business."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.errors import InvalidFlow
from app.flow.document import Place
from app.flow.loading import load, misnaming
from app.flow.model import Flow
from app.flow.sources import name_and_kind, translations_of


@dataclass(frozen=True, slots=True)
class Library:
    """`flows` by name; `faults` of the files that could not be used, by flow name.

    A flow with faults stays in `flows` in its last good version, if it ever had one.
    """

    flows: Mapping[str, Flow] = field(default_factory=dict)
    faults: Mapping[str, InvalidFlow] = field(default_factory=dict)


def build_library(
    files: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    previous: Library | None = None,
) -> Library:
    """The library of `files`: text by path (`flows/NAME.yaml`, `flows/NAME.LANG.yaml`, and what they
    refer to; tests are left out).

    A file that has become invalid keeps `previous`'s version of the flow. A file that is gone takes it along.
    """
    flows: dict[str, Flow] = {}
    faults: dict[str, InvalidFlow] = {}
    for path, text in sorted(files.items()):
        name, kind = name_and_kind(path)
        if kind or not path.endswith(".yaml"):
            continue
        overlays = translations_of(path, files)
        try:
            flows[name] = _named(load(text, path, overlays, environment, files))
        except InvalidFlow as error:
            faults[name] = error
            if previous is not None and name in previous.flows:
                flows[name] = previous.flows[name]
    return Library(flows, faults)


def _named(flow: Flow) -> Flow:
    fault = misnaming(flow, Place(flow.path, 1, 1))
    if fault is not None:
        raise InvalidFlow([fault])
    return flow
