"""`hangup`: say goodbye, and end the call."""

from __future__ import annotations

from app.flow.draft import Draft
from app.flow.model import Node, Settings
from app.flow.nodes import node_type
from app.flow.nodes.say import Say
from app.flow.section import Section


@node_type("hangup")
def read_hangup(name: str, section: Section, draft: Draft, defaults: Settings) -> Node:
    return Say(
        name=name,
        settings=draft.manner(section, defaults),
        prompt=draft.prompt(section, "hangup", f"{name}.hangup"),
        next=None,
        log=section.name("log"),
        clear=(),
    )
