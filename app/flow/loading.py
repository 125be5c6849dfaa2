"""From a flow file's text to a Flow, or to every fault in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from app.errors import FlowError, InvalidFlow
from app.flow.document import Fields, Place, parse
from app.flow.draft import Draft, Overlay, Sources, built_in_prompt, built_in_settings
from app.flow.global_intents import read_globals
from app.flow.hours import read_hours
from app.flow.intents import read_intents
from app.flow.languages import LANGUAGES
from app.flow.model import Flow, Node, Settings
from app.flow.nodes import node_readers
from app.flow.question import Question
from app.flow.section import Mistake, Section, suggestion
from app.flow.slot_declarations import read_inputs, read_slots
from app.flow.sources import flows_beside, inside, name_and_kind, translations_of

FORMAT = 1
# prompts of the language's own that any flow may come to
ALWAYS_SAID = ("rejected", "give_up", "waiting", "model_failed", "shall_i")


def load(
    text: str,
    path: str,
    overlays: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Flow:
    """Compile a flow. `overlays` are its translations, text by path; `environment` gives `env.NAME` its values.

    `files` are the texts, by path, among which the flows that it calls and the facts that it tells are found. Raises
    InvalidFlow with all faults. The version depends on the texts alone.
    """
    flow, faults = examine(text, path, overlays, environment, files)
    if faults or flow is None:
        raise InvalidFlow(faults)
    return flow


def examine(
    text: str,
    path: str,
    overlays: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> tuple[Flow | None, tuple[FlowError, ...]]:
    """What `load` makes of a flow, as far as it can be made out, and all faults, the flow file's first."""
    own_name, _ = name_and_kind(path)
    beside = Beside(path, files or {}, environment or {}, (own_name,))
    return _examine(text, path, overlays or {}, beside, "")


def misnaming(flow: Flow, place: Place) -> FlowError | None:
    """The fault of a flow that has another name than its file: nobody could call it."""
    own_name, _ = name_and_kind(flow.path)
    if flow.name in ("", own_name):
        return None
    return place.fault(f'the file is named "{own_name}", its flow "{flow.name}"; make both agree')


class Beside(Sources):
    """What a file's directory holds. `chain` are the flows that call each other to come here."""

    def __init__(
        self, path: str, files: Mapping[str, str], environment: Mapping[str, str], chain: tuple[str, ...]
    ) -> None:
        self._path = path
        self._files = files
        self._chain = chain
        self.environment = environment
        self.subflows: dict[str, Flow] = {}
        self.texts: dict[str, str] = {}

    def subflow(self, name: str) -> Flow:
        chain = (*self._chain, name)
        if name in self._chain:
            raise Mistake(
                f"circular subflow: {' calls '.join(chain)}; let one of them end with an outcome",
                "circular-subflow",
            )
        paths = flows_beside(self._path, self._files)
        if name not in paths:
            raise ValueError(f'there is no flow "{name}" beside this one; {suggestion(name, paths)}')
        if name not in self.subflows:
            self._read(name, paths[name], chain)
        return self.subflows[name]

    def _read(self, name: str, path: str, chain: tuple[str, ...]) -> None:
        beside = Beside(path, self._files, self.environment, chain)
        overlays = translations_of(path, self._files)
        flow, faults = _examine(self._files[path], path, overlays, beside, f"{name}.")
        if flow is None or faults:
            raise ValueError(f'"{name}" cannot be called before its faults are corrected: {faults[0]}')
        if not flow.outcomes:
            raise ValueError(f'"{name}" never comes back; declare `outcomes: [done]` there, and end in them')
        self.subflows |= {**flow.subflows, name: flow}

    def text(self, reference: str) -> str:
        path = inside(self._path, reference)
        if path is None:
            raise ValueError(f'"{reference}" must name a file inside the flow\'s directory')
        if path not in self._files:
            raise ValueError(f'there is no file "{reference}" beside this flow; add it or correct the name')
        if "\ufffd" in self._files[path]:
            raise ValueError(f'"{reference}" is not UTF-8; save it as UTF-8')
        self.texts[reference] = self._files[path]
        return self._files[path]

    def version(self, text: str, overlays: Mapping[str, str]) -> str:
        """The hash of everything that the flow is made of."""
        digest = hashlib.sha256(text.encode("utf-8", "surrogatepass"))
        called = {name: flow.version for name, flow in self.subflows.items()}
        for made_of in (overlays, self.texts, called):
            for path in sorted(made_of):
                digest.update(b"\0" + path.encode() + b"\0" + made_of[path].encode("utf-8", "surrogatepass"))
        return digest.hexdigest()[:16]


def _examine(
    text: str, path: str, overlays: Mapping[str, str], beside: Beside, prefix: str
) -> tuple[Flow | None, tuple[FlowError, ...]]:
    faults: list[FlowError] = []
    tree = parse(text, path, faults)
    flow = None
    if isinstance(tree, Fields):
        flow = _flow(Section(tree, "the flow", faults), text, overlays, beside, prefix)
    elif not faults:
        faults.append(Place(path, 1, 1).fault("the file holds no flow; begin with `flow: NAME`"))
    return flow, tuple(sorted(faults, key=lambda one: (one.path != path, one.path, one.line, one.column)))


def _flow(
    section: Section, text: str, overlays: Mapping[str, str], beside: Beside, prefix: str
) -> Flow | None:
    name = section.name("flow")
    if name is None:
        section.missing("flow", "clinic")
    if section.integer("format", FORMAT, FORMAT) is None:
        section.missing("format", str(FORMAT))
    languages = _languages(section)
    translations = [
        one for path, text in sorted(overlays.items()) if (one := _overlay(path, text, languages, section))
    ]
    draft = Draft(
        faults=section.faults,
        languages=languages,
        overlays=[Overlay(*one) for language, prompts, _ in translations for one in [(language, prompts)]],
        environment=beside.environment,
        prefix=prefix,
        outcomes=section.texts("outcomes"),
        sources=beside,
    )
    inputs = read_inputs(section.section("inputs", "inputs"), draft)
    draft.slots.update({**inputs, **read_slots(section.section("slots", "slots"), draft)})
    intents = {language: inner for language, _, inner in translations if inner is not None}
    draft.intents.update(read_intents(section, intents, draft))
    draft.hours.update(read_hours(section.section("hours", "hours")))
    settings = _settings(section, draft)
    global_intents = read_globals(section.section("globals", "globals"), draft)
    nodes, places = _nodes(section, draft, settings)
    start = draft.target(section, "start")
    if start is None:
        section.missing("start", next(iter(nodes), "greet"))
    flow = Flow(
        name=name or "",
        version=beside.version(text, overlays),
        path=section.place.path,
        languages=languages,
        start=start or "",
        settings=settings,
        slots=draft.slots,
        intents=draft.intents,
        globals=global_intents,
        nodes=nodes,
        places=places,
        hours=draft.hours,
        collected=tuple(sorted(draft.collected)),
        dependents=_dependents(nodes),
        voices=_voices(section.section("voices", "voices")),
        numbers=section.texts("numbers"),
        prompts=(*draft.prompts, *map(built_in_prompt, ALWAYS_SAID)),
        environment={key: beside.environment.get(key, "") for key in sorted(draft.environment_names)},
        inputs=inputs,
        outcomes=draft.outcomes,
        subflows=beside.subflows,
        renamed=_renamed(section, nodes),
    )
    section.finish()
    _check_targets(draft, section, flow.renamed)
    _check_overlays(draft)
    return flow


def _languages(section: Section) -> tuple[str, ...]:
    found = []
    for tree in section.items("languages"):
        code = section.as_text(tree, "languages")
        if code is not None and code not in LANGUAGES:
            section.fault(
                tree.place, f'the language "{code}" is not supported; {suggestion(code, LANGUAGES)}'
            )
        elif code is not None:
            found.append(code)
    if "languages" not in section:
        section.missing("languages", "[en]")
    return tuple(dict.fromkeys(found)) or ("en",)


def _overlay(
    path: str, text: str, languages: tuple[str, ...], flow: Section
) -> tuple[str, Fields, Section | None] | None:
    """(language, prompts, intents) of a translation file."""
    tree = parse(text, path, flow.faults)
    if not isinstance(tree, Fields):
        if tree is not None or not any(fault.path == path for fault in flow.faults):
            flow.fault(Place(path, 1, 1), "the file holds no translation; begin with `flow: NAME`")
        return None
    section = Section(tree, "the translation", flow.faults)
    code = section.text("language") or ""
    name, flow_name = section.text("flow"), flow.text("flow")
    if name != flow_name:
        section.fault(section.place_of("flow"), f"this must name the flow it translates: `flow: {flow_name}`")
    expected = PurePosixPath(path).stem.rpartition(".")[2]
    if code not in languages[1:] or code != expected:
        section.fault(
            section.place_of("language"),
            f'the file is for "{expected}", its language says "{code}", and the flow lists {", ".join(languages)}; '
            "make the three agree",
        )
    prompts = section.section("prompts", "prompts")
    intents = section.section("intents", "intents")
    section.finish()
    return code, prompts.fields if prompts else Fields({}, {}, section.place), intents


def _settings(section: Section, draft: Draft) -> Settings:
    inner = section.section("defaults", "defaults")
    if inner is None:
        return built_in_settings()
    settings = draft.settings(inner, f"{draft.prefix}defaults", built_in_settings())
    inner.finish()
    return settings


def _nodes(section: Section, draft: Draft, settings: Settings) -> tuple[dict[str, Node], dict[str, Place]]:
    inner = section.section("nodes", "nodes")
    nodes: dict[str, Node] = {}
    places: dict[str, Place] = {}
    for name, one in inner.sections("node {}") if inner else ():
        places[name] = inner.fields.keys[name] if inner else one.place
        verb = _verb(one)
        node = node_readers()[verb](draft.prefix + name, one, draft, settings) if verb else None
        if node is not None:
            nodes[node.name] = node
        if verb:
            one.finish()
    if not places:
        section.missing("nodes", "{greet: {say: Hello., hangup: true}}")
    draft.places = places
    return nodes, {draft.prefix + name: place for name, place in places.items()}


def _verb(section: Section) -> str | None:
    """The node's one verb; `say` is a mere key beside another, except that `hangup: true` is one beside `say`."""
    verbs = [verb for verb in node_readers() if verb in section]
    if sorted(verbs) in (["hangup", "say"], ["outcome", "say"]):
        return "say"
    if len(verbs) > 1 and "say" in verbs:
        verbs.remove("say")
    if len(verbs) == 1:
        return verbs[0]
    if verbs:
        section.fault(
            section.place, f"{section.what} has two verbs, {' and '.join(verbs)}; make two nodes of it"
        )
    else:
        near = suggestion(next(iter(section.fields.values), ""), node_readers())
        section.fault(section.place, f"{section.what} has no verb; {near}")
    return None


def _voices(section: Section | None) -> dict[str, str]:
    return {key: section.text(key) or "" for key in section.fields.values} if section else {}


def _renamed(section: Section, nodes: Mapping[str, Node]) -> dict[str, str]:
    """`{old: new}` names of nodes."""
    inner = section.section("renamed", "renamed")
    found: dict[str, str] = {}
    for old, place in inner.fields.keys.items() if inner else ():
        new = inner.text(old) if inner else None
        if new is not None and new not in {name.rpartition(".")[2] for name in nodes}:
            section.fault(place, f'unknown node "{new}"; {suggestion(new, nodes)}', "unknown-target")
        elif new is not None:
            found[old] = new
    return found


def _dependents(nodes: Mapping[str, Node]) -> dict[str, frozenset[str]]:
    """For each slot, every slot whose value was made or checked with it or chosen by it, however many steps later."""
    direct: dict[str, set[str]] = {}
    for slot, names in (*_made_with(nodes), *_chosen_by(nodes)):
        for name in names:
            direct.setdefault(name.partition(".")[0], set()).add(slot)
    return {name: frozenset(_reachable(name, direct) - {name}) for name in direct}


def _made_with(nodes: Mapping[str, Node]) -> Iterator[tuple[str, frozenset[str]]]:
    for node in nodes.values():
        yield from node.derived.items()


def _chosen_by(nodes: Mapping[str, Node]) -> Iterator[tuple[str, frozenset[str]]]:
    """A condition that leads straight to a silent node decides what that one fills in."""
    for node in nodes.values():
        for route in node.routes.values():
            for target in route.targets:
                if target in nodes and not isinstance(nodes[target], Question):
                    for slot in nodes[target].derived:
                        yield slot, route.names


def _reachable(name: str, direct: Mapping[str, Iterable[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = set(direct.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _check_targets(draft: Draft, section: Section, renamed: Mapping[str, str]) -> None:
    for name, place in draft.wanted:
        if name not in draft.places:
            way_out = (
                f'it is called "{renamed[name]}" now' if name in renamed else suggestion(name, draft.places)
            )
            section.fault(place, f'unknown node "{name}"; {way_out}', "unknown-target")
    for name, place in draft.changed:
        if name not in draft.collected:
            section.fault(
                place, f'no node collects "{name}", so it cannot be asked again; remove it from change'
            )


def _check_overlays(draft: Draft) -> None:
    for overlay in draft.overlays:
        for key, place in overlay.prompts.keys.items():
            if key not in overlay.used:
                draft.fault(place, f'the flow has no prompt "{key}"; correct the name or remove it')
