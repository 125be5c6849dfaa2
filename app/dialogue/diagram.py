"""Turn-taking's table as a drawing for docs/turn-taking.md; `python -m app.dialogue.diagram` prints it."""

from __future__ import annotations

from collections.abc import Iterator

from app.dialogue.turn import TRANSITIONS, TurnState


def diagram() -> str:
    """A Mermaid state diagram. What changes nothing, and the end of the stream, are left out."""
    return "\n".join(["stateDiagram-v2", f"    [*] --> {TurnState.QUIET.name}", *_arrows()])


def _arrows() -> Iterator[str]:
    for state, row in TRANSITIONS.items():
        for event, (target, action) in row.items():
            if target is not TurnState.OVER and (target is not state or action):
                done = f" / {action.name}" if action else ""
                yield f"    {state.name} --> {target.name}: {event.name}{done}"


if __name__ == "__main__":
    print(diagram())
