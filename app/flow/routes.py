"""Where a node leads: one name, or the first of several whose condition holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from app.flow.document import Items, Place, Tree
from app.flow.draft import Draft
from app.flow.expressions import Expression
from app.flow.section import Section
from app.flow.turn import Turn

FAILURE = "no-failure-branch"
FAILURES = ("failed", "no_answer")


@dataclass(frozen=True, slots=True)
class Branch:
    """`condition` None: always. `place` is where the flow names the node."""

    condition: Expression | None
    goto: str
    place: Place | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """Branches are tried in order; the last has no condition."""

    branches: tuple[Branch, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(branch.goto for branch in self.branches)

    @property
    def names(self) -> frozenset[str]:
        """What the decision depends on."""
        return frozenset(name for one in self.branches if one.condition for name in one.condition.names)

    def choose(self, turn: Turn) -> str:
        chosen = next(one for one in self.branches if one.condition is None or one.condition.holds(turn))
        turn.via = chosen.place
        return chosen.goto


def read_route(section: Section, draft: Draft, key: str) -> Route | None:
    """A node's name, or a list of `{if, goto}` that ends in an else; None where the key is missing."""
    if isinstance(section.fields.values.get(key), Items):
        return _branches(section, draft, key)
    target = draft.target(section, key)
    return None if target is None else Route((Branch(None, target, section.fields.values[key].place),))


def required_route(section: Section, draft: Draft, key: str) -> Route:
    route = read_route(section, draft, key)
    if route is None and key not in section:
        section.missing(key, "the name of a node", FAILURE if key in FAILURES else "missing-key")
    return route or Route(())


def _branches(section: Section, draft: Draft, key: str) -> Route:
    trees = section.items(key)
    branches = [_branch(tree, section, draft, key) for tree in trees]
    found = tuple(branch for branch in branches if branch is not None)
    for index, branch in enumerate(found[:-1]):
        if branch.condition is None and len(found) == len(trees):
            section.fault(
                trees[index].place,
                f"nothing after this branch of {section.what} is reached; move it last",
                "missing-else",
            )
    if not found or found[-1].condition is not None:
        section.fault(
            section.place_of(key),
            f"{key} of {section.what} has no else; end it with `- {{goto: NODE}}`",
            "missing-else",
        )
    return Route(found)


def _branch(tree: Tree, section: Section, draft: Draft, key: str) -> Branch | None:
    inner = section.as_section(tree, f"a branch in {key} of {section.what}")
    if inner is None:
        return None
    condition, goto = draft.condition(inner), draft.target(inner, "goto")
    if goto is None:
        inner.missing("goto", "the name of a node")
    inner.finish()
    # a condition that could not be read is a fault already, and no else
    if goto is None or (condition is None and "if" in inner):
        return None
    return Branch(condition, goto, inner.fields.values["goto"].place)
