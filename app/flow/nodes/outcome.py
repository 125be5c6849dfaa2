"""`outcome`: a subflow ends here, silently, with one of its declared outcomes."""

from __future__ import annotations

from app.flow.draft import Draft
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.nodes.say import Say, read_outcome
from app.flow.section import Section


@node_type("outcome")
def read_end(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    return Say(
        name=name,
        settings=defaults,
        prompt=None,
        next=None,
        log=section.name("log"),
        clear=(),
        outcome=read_outcome(section, draft),
    )
