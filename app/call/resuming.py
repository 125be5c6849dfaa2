"""Taking a call up again after its line was lost: what the caller has not heard is said, and nothing twice."""

from __future__ import annotations

from dataclasses import replace

from app.call.flow_run import Step
from app.call.saying import Left
from app.flow.effects import Listen


def taken_up(left: Left, step: Step) -> tuple[Left, Step]:
    """What is said again, and what is left of the step with which the flow takes the call up.

    A prompt that was cut by the loss begins anew. The flow puts its question again, unless that is among what is said
    again: a question comes last. What else it repeats is left out if it was not heard the first time.
    """
    left = replace(left, unheard=[prompt for prompt in left.unheard if not prompt.passing])
    if left.unheard and isinstance(step.then, Listen) and left.unheard[-1].node == step.then.node:
        return left, replace(step, says=())
    places = {(prompt.node, prompt.key) for prompt in left.unheard}
    return left, replace(step, says=[say for say in step.says if (say.node, say.key) not in places])
