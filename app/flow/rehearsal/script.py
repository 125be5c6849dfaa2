"""Reading `NAME.test.yaml`: the calls that a flow has to hold, and what its services answer meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast, get_args

from app.errors import FlowError, InvalidFlow
from app.flow.document import Fields, Items, Place, Scalar, Tree, parse
from app.flow.inputs import TransferOutcome
from app.flow.keypad import KEYS
from app.flow.section import Section, suggestion
from app.flow.values import Json

OUTCOMES: Final = get_args(TransferOutcome)
CALLER: Final = "+15550100"


@dataclass(frozen=True, slots=True)
class Mock:
    """What a service answers, `delay_ms` after it was asked; or a model's turn: what it `says`, the `outcome` it names.

    A model may ask for a `tool` with `arguments`. With `timed_out` nothing comes until the node's own patience ends.
    """

    place: Place
    status: int = 200
    json: Json = field(default=None, repr=False)
    readable: bool = False
    timed_out: bool = False
    delay_ms: int = 0
    says: str | None = None
    outcome: str | None = None
    tool: str | None = None
    arguments: Mapping[str, Json] = field(default_factory=dict, repr=False)

    @property
    def is_models(self) -> bool:
        return self.says is not None or self.outcome is not None or self.tool is not None


Mocks = Mapping[str, tuple[Mock, ...]]


@dataclass(frozen=True, slots=True)
class Says:
    """The caller speaks, `after_ms` into what the agent is saying, or when it has finished; `during` names the node."""

    place: Place
    text: str
    confidence: float | None = None
    after_ms: int | None = None
    during: str | None = None


@dataclass(frozen=True, slots=True)
class Presses:
    place: Place
    keys: str
    during: str | None = None


@dataclass(frozen=True, slots=True)
class IsSilent:
    place: Place
    times: int


@dataclass(frozen=True, slots=True)
class TransferEnds:
    place: Place
    outcome: TransferOutcome


@dataclass(frozen=True, slots=True)
class Bot:
    """What the agent has said and done since the caller last did something; it `waits_ms` for an answer."""

    place: Place
    node: str | None = None
    contains: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    slots: Mapping[str, Json] = field(default_factory=dict)
    prepared: bool | None = None
    within_ms: int | None = None
    waits_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Expect:
    """What the whole call has come to. `sent` are parts of the body that each service was sent last."""

    place: Place
    node: str | None = None
    events: tuple[str, ...] = ()
    http: Mapping[str, int] = field(default_factory=dict)
    sent: Mapping[str, Json] = field(default_factory=dict)
    ended: bool | None = None


@dataclass(frozen=True, slots=True)
class Judge:
    """A question about what was said, for a model; skipped where there is none."""

    place: Place
    question: str


Step = Says | Presses | IsSilent | TransferEnds | Bot | Expect | Judge


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One test: a call. `mocks` are by node, the file's own and the test's over them; `environment` are settings of
    the operator that the test has of its own. `text_only` says why it cannot be spoken, empty where it can.
    """

    name: str
    place: Place
    steps: tuple[Step, ...]
    mocks: Mocks
    now: datetime
    caller: str = CALLER
    language: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    text_only: str = ""


@dataclass(frozen=True, slots=True)
class Script:
    """A test file. `untested` gives the reason why no test takes a transition, by its name."""

    flow: str
    path: str
    tests: tuple[Rehearsed, ...]
    untested: Mapping[str, str] = field(default_factory=dict)


def read_script(text: str, path: str) -> Script:
    """Raises InvalidFlow with every fault of the file."""
    faults: list[FlowError] = []
    tree = parse(text, path, faults)
    script = None
    if isinstance(tree, Fields):
        script = _script(Section(tree, "the test file", faults), path)
    elif not faults:
        faults.append(Place(path, 1, 1).fault("the file holds no tests; begin with `flow: NAME`"))
    if faults or script is None:
        raise InvalidFlow(sorted(faults, key=lambda fault: (fault.line, fault.column)))
    return script


def _script(section: Section, path: str) -> Script:
    flow = section.text("flow")
    if flow is None:
        section.missing("flow", "clinic")
    now = _moment(section, None)
    mocks = _mocks(section)
    untested = section.section("untested", "untested")
    reasons = {key: untested.text(key) or "" for key in untested.fields.keys} if untested else {}
    trees = section.items("tests")
    tests = [_test(inner, now, mocks) for tree in trees if (inner := section.as_section(tree, "a test"))]
    if not trees:
        section.missing("tests", "[{name: it answers, steps: [{bot: {contains: Hello}}]}]")
    section.finish()
    return Script(flow or "", path, tuple(tests), reasons)


def _moment(section: Section, default: datetime | None) -> datetime:
    text = section.text("now")
    if text is None:
        if default is None:
            section.missing("now", "2026-11-13T10:00:00-05:00")
        return default or datetime.min
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        section.fault(
            section.fields.values["now"].place,
            f'"{text}" is no moment; write day, time and offset: 2026-11-13T10:00:00-05:00',
        )
    return moment or datetime.min


def _test(section: Section, now: datetime, mocks: Mocks) -> Rehearsed:
    name = section.text("name")
    if name is None:
        section.missing("name", "books by voice")
    own = _mocks(section)
    steps = [_step(inner) for tree in section.items("steps") if (inner := section.as_section(tree, "a step"))]
    if "steps" not in section:
        section.missing("steps", "[{caller: hello}]")
    found = Rehearsed(
        name or "",
        section.place,
        tuple(step for step in steps if step is not None),
        {**mocks, **own},
        _moment(section, now),
        _caller(section),
        section.text("language"),
        _environment(section),
        section.text("text_only") or "",
    )
    section.finish()
    return found


def _caller(section: Section) -> str:
    """The caller's number; an empty one is withheld."""
    number = section.text("from")
    return CALLER if number is None else number


def _environment(section: Section) -> dict[str, str]:
    """Settings by name; an empty one is not set."""
    inner = section.section("env", "env")
    return {name: inner.text(name) or "" for name in inner.fields.keys} if inner else {}


# mocks


def _mocks(section: Section) -> Mocks:
    inner = section.section("mocks", "mocks")
    found: dict[str, tuple[Mock, ...]] = {}
    for node in inner.fields.keys if inner else ():
        assert inner
        tree = inner.tree(node)
        trees = tree.values if isinstance(tree, Items) else (tree,)
        mocks = (
            _mock(part, node)
            for one in trees
            if one and (part := inner.as_section(one, f"the mock of {node}"))
        )
        found[node] = tuple(mocks)
    return found


def _mock(section: Section, node: str) -> Mock:
    body = section.tree("json")
    arguments = section.section("arguments", f"the arguments of {node}")
    status = section.integer("status", 100, 599)
    found = Mock(
        section.place,
        200 if status is None else status,
        None if body is None else plain(body),
        body is not None,
        section.flag("timeout"),
        section.duration_ms("delay") or 0,
        section.text("says"),
        section.text("outcome"),
        section.text("tool"),
        {name: plain(one) for name, one in arguments.fields.values.items()} if arguments else {},
    )
    section.finish()
    return found


def plain(tree: Tree) -> Json:
    """The JSON value that a part of the file is."""
    if isinstance(tree, Scalar):
        return tree.value
    if isinstance(tree, Items):
        return [plain(one) for one in tree.values]
    return {key: plain(one) for key, one in tree.values.items()}


# steps


def _step(section: Section) -> Step | None:
    verbs = [verb for verb in STEPS if verb in section]
    if len(verbs) != 1:
        known = suggestion(next(iter(section.fields.values), ""), STEPS)
        section.fault(section.place, f"a step has one of {', '.join(STEPS)}; {known}")
        return None
    step = STEPS[verbs[0]](section)
    section.finish()
    return step


def _says(section: Section) -> Step:
    return Says(
        section.place,
        section.text("caller") or "",
        section.number("confidence", 0, 1),
        section.duration_ms("send_after"),
        section.text("during"),
    )


def _presses(section: Section) -> Step:
    keys = section.text("dtmf") or ""
    if not keys or any(key not in KEYS for key in keys):
        section.fault(section.place_of("dtmf"), f'"{keys}" are no keys; use 0 to 9, * and #, in quotes')
    section.duration_ms("send_after")  # a key counts whenever it comes
    return Presses(section.place, keys, section.text("during"))


def _is_silent(section: Section) -> Step:
    return IsSilent(section.place, section.integer("silence", 1, 50) or 1)


def _transfer_ends(section: Section) -> Step:
    outcome = section.choice("transfer", OUTCOMES)
    return TransferEnds(section.place, cast(TransferOutcome, outcome if outcome in OUTCOMES else "failed"))


def _bot(section: Section) -> Step:
    inner = section.section("bot", "bot")
    if inner is None:
        return Bot(section.place)
    slots = inner.section("slots", "slots")
    found = Bot(
        inner.place,
        inner.text("node"),
        _one_or_more(inner, "contains"),
        _one_or_more(inner, "absent"),
        {name: plain(tree) for name, tree in slots.fields.values.items()} if slots else {},
        inner.flag("prepared") if "prepared" in inner else None,
        inner.duration_ms("within"),
        inner.duration_ms("waits"),
    )
    inner.finish()
    return found


def _expect(section: Section) -> Step:
    inner = section.section("expect", "expect")
    if inner is None:
        return Expect(section.place)
    counts = inner.section("http", "http")
    sent = inner.section("sent", "sent")
    found = Expect(
        inner.place,
        inner.text("node"),
        _one_or_more(inner, "events"),
        {name: counts.integer(name, 0, 1000) or 0 for name in counts.fields.keys} if counts else {},
        {name: plain(tree) for name, tree in sent.fields.values.items()} if sent else {},
        inner.flag("ended") if "ended" in inner else None,
    )
    inner.finish()
    return found


def _judge(section: Section) -> Step:
    return Judge(section.place, section.text("judge") or "")


def _one_or_more(section: Section, key: str) -> tuple[str, ...]:
    if isinstance(section.fields.values.get(key), Items):
        return section.texts(key)
    text = section.text(key)
    return () if text is None else (text,)


# how each kind of step is read, by the key that makes it one
STEPS: Final = {
    "caller": _says,
    "dtmf": _presses,
    "silence": _is_silent,
    "transfer": _transfer_ends,
    "bot": _bot,
    "expect": _expect,
    "judge": _judge,
}
