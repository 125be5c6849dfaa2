"""The flows on disk, compiled and published: new calls get the newest version, calls in progress keep theirs.

A file that cannot be used changes nothing: the last good version of its flow goes on until it is mended.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from app.audio.files import levelled, to_telephone
from app.call.flow_files import FlowFiles
from app.errors import FlowError, InvalidFlow, SettingsError
from app.flow import Flow, Library, build_library
from app.flow.section import suggestion
from app.flow.sources import name_and_kind

log = logging.getLogger("callrelay.flows")


@dataclass(frozen=True, slots=True)
class PublishedFlow:
    """One version of a flow. `recordings` are its recorded prompts by file: μ-law, ready to be played."""

    flow: Flow
    recordings: Mapping[str, bytes]


Faults = Mapping[str, InvalidFlow]


class FlowStore:
    """All flows of a directory. `environment` gives the flows' `env.NAME` their values.

    Raises SettingsError when there is no such directory. `refresh` may run on a thread beside everything else.
    """

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        if not directory.is_dir():
            raise SettingsError(
                f"FLOWS_DIR: there is no directory {str(directory)!r}; name one that holds flows"
            )
        self._directory = directory
        self._environment = environment
        self._required: str | None = None
        self._flows: Mapping[str, PublishedFlow] = {}
        self._faults: Faults = {}
        self._files = FlowFiles(directory)
        self._flows, self._faults = self._compiled()
        self._seen = self._files.read

    def get(self, name: str) -> PublishedFlow | None:
        """The newest good version of a flow."""
        return self._flows.get(name)

    def all(self) -> Sequence[Flow]:
        """The newest good version of every flow."""
        return [one.flow for one in self._flows.values()]

    def require(self, name: str) -> None:
        """This flow must be there, and stays in its last version when its file goes.

        Raises SettingsError when it cannot be run; logs what is wrong with the others.
        """
        for other, fault in self.faults.items():
            log.error("flow %s cannot be used:\n%s", other, fault)
        if name not in self._flows:
            cause = self.faults.get(name)
            reason = f"the flow {name!r} cannot be used: {cause}" if cause else self.no_such_flow(name)
            raise SettingsError(f"DEFAULT_FLOW: {reason}")
        self._required = name

    def no_such_flow(self, name: str) -> str:
        """What to tell somebody who names a flow that is not here."""
        known = suggestion(name, self.names) if self.names else "there are none"
        return f"there is no flow {name!r}; {known}"

    def refresh(self) -> bool:
        """Look at the files, and publish what is new and good; says whether anything is.

        What is still being written is left alone until two looks find it the same.
        """
        now = self._files.now()
        resting, self._seen = now == self._seen, now
        if now == self._files.read or not resting:
            return False
        self._files = FlowFiles(self._directory)
        flows, faults = self._compiled()
        before, self._flows = self._flows, flows
        known, self._faults = self._faults, faults
        self._seen = self._files.read
        _log_flows(before, flows)
        _log_faults(known, faults, flows)
        return any(before.get(name) is not one for name, one in flows.items())

    def name_for(self, number: str) -> str | None:
        """The flow that a dialled number starts; of several the first by name."""
        return next((flow.name for flow in self.all() if number in flow.numbers), None)

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
            name: {"version": flows[name].flow.version if name in flows else None, "error": faults.get(name)}
            for name in sorted({*flows, *faults})
        }

    def _compiled(self) -> tuple[Mapping[str, PublishedFlow], Faults]:
        """What the files hold; where that is no good, what was published before."""
        texts, unreadable = self._texts()
        last_good = Library({name: one.flow for name, one in self._flows.items()})
        library = build_library(texts, self._environment, last_good)
        flows: dict[str, PublishedFlow] = {}
        faults = {**library.faults, **unreadable}
        for flow in library.flows.values():
            if flow.startable and flow.name not in unreadable:
                try:
                    flows[flow.name] = self._with_recordings(flow)
                except InvalidFlow as error:
                    faults[flow.name] = error
        for name in self._staying(flows, faults):
            flows[name] = self._flows[name]
            faults.setdefault(name, self._gone(name))
        return dict(sorted(flows.items())), faults

    def _staying(self, flows: Mapping[str, PublishedFlow], faults: Faults) -> list[str]:
        """What goes on without a file that can be used. A directory that has become empty is taken for lost."""
        kept = {*faults, self._required} if flows or faults else {*self._flows}
        return [name for name in self._flows if name in kept and name not in flows]

    def _gone(self, name: str) -> InvalidFlow:
        path = str(self._directory / f"{name}.yaml")
        return InvalidFlow(
            [
                FlowError(
                    path, 1, 1, "there is no such flow to call any more; its last version goes on, restore it"
                )
            ]
        )

    def _texts(self) -> tuple[dict[str, str], dict[str, InvalidFlow]]:
        """Texts by path, and by flow name what is wrong with files that cannot be read."""
        texts: dict[str, str] = {}
        faults: dict[str, InvalidFlow] = {}
        for path in self._files.texts():
            try:
                texts[path] = self._files.text(path)
            except FileNotFoundError:
                continue  # went while we looked
            except OSError as error:
                fault = FlowError(path, 1, 1, f"the file cannot be read ({error.strerror}); mend its rights")
                if path.endswith(".yaml"):
                    faults[name_and_kind(path)[0]] = InvalidFlow([fault])
        return texts, faults

    def _with_recordings(self, flow: Flow) -> PublishedFlow:
        """A flow is good only if its recordings are, and they are part of its version. Raises InvalidFlow."""
        known, places = self._flows.get(flow.name), dict(flow.recordings())
        if known and known.flow is flow:
            return known
        faults, data = [], {}
        for file, place in places.items():
            try:
                data[file] = self._files.recording(file)
            except OSError:
                faults.append(place.fault(f'there is no audio file "{file}" in {self._directory}'))
        flow = replace(flow, version=_version_with(flow.version, data))
        if known and not faults and known.flow.version == flow.version:
            return known
        recordings = {}
        for file, content in data.items():
            try:
                recordings[file] = levelled(to_telephone(content, file))
            except ValueError as error:
                faults.append(places[file].fault(f'"{file}": {error}'))
        if faults:
            raise InvalidFlow(faults)
        return PublishedFlow(flow, recordings)


def _version_with(version: str, recordings: Mapping[str, bytes]) -> str:
    """A flow's version and its recordings' contents as one; as it was where there are none."""
    if not recordings:
        return version
    digest = hashlib.sha256(version.encode())
    for file in sorted(recordings):
        digest.update(b"\0" + file.encode() + b"\0" + hashlib.sha256(recordings[file]).digest())
    return digest.hexdigest()[: len(version)]


def _log_flows(before: Mapping[str, PublishedFlow], now: Mapping[str, PublishedFlow]) -> None:
    for name, one in now.items():
        if before.get(name) is not one:
            log.info("flow %s: new calls get version %s", name, one.flow.version)
    for name in before.keys() - now.keys():
        log.info("flow %s is gone: no new calls", name)


def _log_faults(before: Faults, now: Faults, flows: Mapping[str, PublishedFlow]) -> None:
    for name, error in now.items():
        if str(error) != str(before.get(name)):
            last = (
                f"version {flows[name].flow.version} goes on" if name in flows else "there is no good version"
            )
            log.error("flow %s: what was saved cannot be used, %s:\n%s", name, last, error)
    for name in before.keys() - now.keys():
        log.info("flow %s: nothing is wrong any more", name)
