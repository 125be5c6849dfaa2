"""What the plan of the house promises, checked on the syntax trees: doors, purity, sizes and a few habits."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median, quantiles

import pytest

ROOT = Path(__file__).parent.parent
TREES = {
    str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8"))
    for folder in ("app", "providers", "scripts", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
}
SHIPPED = {path: tree for path, tree in TREES.items() if path.startswith(("app/", "providers/"))}

# Who may import whom, besides itself. A room is a package or a module; the longest name that fits is meant.
PURE = {"app.carriers", "app.audio", "app.dialogue", "app.flow"}
BELOW_CALL = PURE | {
    "providers.background",
    "providers.patience",
    "app.errors",
    "app.clock",
    "app.carriers.events",
    "app.orchestrator",
    "providers.base",
}
BELOW_WEB = BELOW_CALL | {"app.call", "app.ops", "app.settings"}
BELOW_MAIN = BELOW_WEB | {"app.web", "app.server", "providers"}
CALLER = {"app.errors", "app.clock", "app.audio"}
DOORS: dict[str, set[str]] = {
    "app": set(),
    "app.errors": set(),
    "app.clock": set(),
    "app.carriers.events": set(),
    "app.settings": {"app.errors"},
    **{package: {"app.errors", "app.carriers.events"} for package in PURE},
    "app.orchestrator": BELOW_CALL,
    "app.call": BELOW_CALL,
    "app.ops": BELOW_CALL | {"app.call", "app.settings"},
    "app.ops.call_report": BELOW_CALL | {"app.call", "app.simulator"},
    "app.web": BELOW_WEB | {"app.short_way"},
    "app.designer": BELOW_CALL | {"app.settings", "app.designer.audio"},
    "app.designer.audio": BELOW_MAIN | {"app.main", "app.engines", "app.designer", "app.simulator"},
    "app.server": BELOW_WEB | {"app.websocket"},
    "app.frames": set(),
    "app.short_way": set(),
    "app.websocket": {"app.frames", "app.short_way"},
    "app.engines": BELOW_CALL | {"app.call", "app.settings", "providers"},
    "app.main": BELOW_MAIN | {"app.engines"},
    "app.load": BELOW_WEB | {"app.simulator", "app.simulator.embedded"},
    "app.supervisor": set(),
    "app.serving": BELOW_MAIN | {"app.main", "app.engines", "app.supervisor"},
    "app.cli": BELOW_MAIN
    | {
        "app.main",
        "app.serving",
        "app.load",
        "app.simulator",
        "app.designer",
        "app.doctor",
        "app.ops.call_report",
    },
    "app.doctor": BELOW_MAIN | {"app.engines", "app.designer"},
    "app.simulator": CALLER
    | {"app.frames", "app.short_way", "app.carriers", "app.carriers.events", "app.simulator.embedded"},
    "app.simulator.embedded": CALLER | {"app.simulator", "providers", "providers.base"},
    "providers": {"app.errors", "providers.base", "providers.background", "providers.patience"},
    "providers.base": {"app.errors"},
    "providers.background": set(),
    "providers.patience": set(),
}

IMPURE = {
    *(
        "asyncio",
        "concurrent",
        "logging",
        "multiprocessing",
        "os",
        "random",
        "secrets",
        "selectors",
        "signal",
    ),
    *(
        "socket",
        "ssl",
        "subprocess",
        "threading",
        "time",
        "uuid",
        "http",
        "httpx",
        "urllib.request",
        "websockets",
    ),
}
CLOCK_READINGS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today")
ASYNC = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)

# The only places where an error of any kind ends: a call, an attempt of a provider, an HTTP handler.
BROAD_EXCEPTS = {
    "app/call/session.py:run_stream",
    "app/call/session.py:_take",
    "app/call/tasks.py:guarded",
    "app/orchestrator/provider.py:provider_attempt",
    "providers/local_workers.py:settle",
    "providers/model_stream.py:guarded",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef

every_file = pytest.mark.parametrize("path", TREES)
every_shipped_file = pytest.mark.parametrize("path", SHIPPED)
every_pure_file = pytest.mark.parametrize(
    "path", [path for path in SHIPPED if any(path.startswith(room.replace(".", "/") + "/") for room in PURE)]
)


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that is imported."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def room(name: str) -> str:
    """The longest key of DOORS that holds a module or something in it."""
    while name not in DOORS:
        name = name.rpartition(".")[0]
        assert name, "every module has a room in DOORS"
    return name


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def dotted(node: ast.AST) -> str:
    """`a.b.c` of a name or attribute, its last parts where it begins with something else."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    return ((node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))


@every_shipped_file
def test_doors(path: str) -> None:
    here = room(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    for line, name in imported(SHIPPED[path]):
        if name.partition(".")[0] in ("app", "providers", "tests"):
            there = room(name) if not name.startswith("tests") else "tests"
            assert there in DOORS[here] | {here}, f"{path}:{line} {here} may not import {name}"


def test_every_room_is_there() -> None:
    rooms = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in SHIPPED}
    assert DOORS.keys() - rooms <= {"app.orchestrator"}


@every_pure_file
def test_purity(path: str) -> None:
    for line, name in imported(TREES[path]):
        impure = any(f"{name}.".startswith(f"{module}.") for module in IMPURE)
        assert not impure, f"{path}:{line} a pure package may not import {name}"
    for node in ast.walk(TREES[path]):
        assert not isinstance(node, ASYNC), f"{path}: a pure package has no async"
        if isinstance(node, ast.Attribute):
            assert not dotted(node).endswith(CLOCK_READINGS), f"{path}:{node.lineno} the time is handed in"


@every_file
def test_no_function_has_more_than_60_lines(path: str) -> None:
    for function in functions(TREES[path]):
        assert length(function) <= 60, (
            f"{path}:{function.lineno} {function.name} has {length(function)} lines"
        )


@every_shipped_file
def test_no_file_has_more_than_400_lines(path: str) -> None:
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= 400


def test_functions_are_short() -> None:
    lengths = [length(function) for tree in SHIPPED.values() for function in functions(tree)]
    assert median(lengths) <= 8
    assert quantiles(lengths, n=10)[-1] <= 30


@every_shipped_file
def test_no_keywords_are_passed_on_unseen(path: str) -> None:
    for function in functions(SHIPPED[path]):
        passed_on = [
            word.value.id
            for call, _ in calls(function)
            for word in call.keywords
            if word.arg is None and isinstance(word.value, ast.Name)
        ]
        unseen = function.args.kwarg.arg if function.args.kwarg else None
        assert unseen not in passed_on, f"{path}:{function.lineno} {function.name} passes **{unseen} on"


def broad(handler: ast.ExceptHandler) -> bool:
    """Does it end errors of any kind? One that raises again at its end does not."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    catches_all = any(kind is None or dotted(kind) in ("Exception", "BaseException") for kind in kinds)
    return catches_all and not isinstance(handler.body[-1], ast.Raise)


def test_errors_of_any_kind_end_in_named_places_only() -> None:
    found = set()
    for path, tree in SHIPPED.items():
        owners = {node: function.name for function in functions(tree) for node in ast.walk(function)}
        for node in ast.walk(tree):
            if (isinstance(node, ast.ExceptHandler) and broad(node)) or suppresses_all(node):
                found.add(f"{path}:{owners.get(node, '')}")
    assert found == BROAD_EXCEPTS


def suppresses_all(node: ast.AST) -> bool:
    if not (isinstance(node, ast.Call) and dotted(node.func).endswith("suppress")):
        return False
    return any(dotted(kind) in ("Exception", "BaseException") for kind in node.args)


@every_shipped_file
def test_tasks_live_in_groups(path: str) -> None:
    for call, name in calls(SHIPPED[path]):
        owner, _, function = name.rpartition(".")
        assert function != "ensure_future", f"{path}:{call.lineno} use a task group"
        if function == "create_task":
            assert owner.endswith(("group", "tasks")), (
                f"{path}:{call.lineno} {owner or 'nobody'} owns this task"
            )


@every_file
def test_fakes_not_mocks(path: str) -> None:
    for line, name in imported(TREES[path]):
        assert not name.startswith("unittest"), f"{path}:{line} write a small fake instead of {name}"
