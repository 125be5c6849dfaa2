"""The flows on disk, compiled."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.audio.files import levelled, to_telephone
from app.errors import InvalidFlow, SettingsError
from app.flow import Flow, build_library

log = logging.getLogger("callrelay.flows")


class FlowStore:
    """All flows of a directory. `environment` gives the flows' `env.NAME` their values.

    Raises SettingsError when there is no such directory.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        if not directory.is_dir():
            raise SettingsError(
                f"FLOWS_DIR: there is no directory {str(directory)!r}; name one that holds flows"
            )
        files = {str(path): path.read_text("utf-8", "replace") for path in _texts(directory)}
        self._library = build_library(files, environment)
        self._recordings: dict[str, bytes] = {}
        self._flows: dict[str, Flow] = {}
        self._faults = dict(self._library.faults)
        for flow in self._library.flows.values():
            if flow.startable:
                self._publish(directory, flow)

    def get(self, name: str) -> Flow | None:
        """The newest good version of a flow."""
        return self._flows.get(name)

    def all(self) -> Sequence[Flow]:
        """The newest good version of every flow."""
        return list(self._flows.values())

    def require(self, name: str) -> None:
        """Raises SettingsError when the default flow cannot be run; logs what is wrong with the others."""
        for other, fault in self.faults.items():
            log.error("flow %s cannot be used:\n%s", other, fault)
        if name not in self._flows:
            reason = self.faults.get(name) or f"there is none; there are: {', '.join(self.names) or 'none'}"
            raise SettingsError(f"DEFAULT_FLOW: the flow {name!r} cannot be used: {reason}")

    def recording(self, file: str) -> bytes | None:
        """A recorded prompt of a flow, ready to be played."""
        return self._recordings.get(file)

    def name_for(self, number: str) -> str | None:
        """The flow that a dialled number starts."""
        flow = self._library.for_number(number)
        return flow.name if flow else None

    @property
    def names(self) -> Sequence[str]:
        """Of every flow that can be run, sorted."""
        return sorted(self._flows)

    @property
    def faults(self) -> Mapping[str, str]:
        """What is wrong with the files that could not be used, by flow name."""
        return {name: str(error) for name, error in self._faults.items()}

    def report(self) -> dict[str, Any]:
        """For /health: version and error of each flow."""
        faults, flows = self.faults, self._flows
        return {
            name: {"version": flows[name].version if name in flows else None, "error": faults.get(name)}
            for name in sorted({*flows, *faults})
        }

    def _publish(self, directory: Path, flow: Flow) -> None:
        """A flow is good only if its recordings are."""
        faults = []
        for file, place in flow.recordings():
            try:
                self._recordings[file] = levelled(to_telephone((directory / file).read_bytes(), file))
            except OSError:
                faults.append(place.fault(f'there is no audio file "{file}" in {directory}'))
            except ValueError as error:
                faults.append(place.fault(f'"{file}": {error}'))
        if faults:
            self._faults[flow.name] = InvalidFlow(faults)
        else:
            self._flows[flow.name] = flow


def _texts(directory: Path) -> Sequence[Path]:
    """Every file that flows are made of: themselves, and the facts that they tell."""
    facts = [path for kind in ("*.md", "*.txt") for path in directory.rglob(kind)]
    return sorted([*directory.glob("*.yaml"), *facts])
