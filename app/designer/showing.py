"""`callrelay flow graph`, `flow schema` and `flow explain`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from app.designer.chat import open_flow
from app.designer.files import NoSuchFlow
from app.designer.page import render
from app.designer.testing import run_flow
from app.flow.draft import built_in_settings
from app.flow.drawing import mermaid
from app.flow.explain import explain
from app.flow.schema import flow_schema
from app.flow.section import suggestion


def schema_text() -> str:
    """As it is committed."""
    return json.dumps(flow_schema(built_in_settings()), indent=1, ensure_ascii=False) + "\n"


def explanation(path: Path, node: str, environment: Mapping[str, str]) -> list[str]:
    """Raises NoSuchFlow, InvalidFlow."""
    flow = open_flow(path, environment).flow
    if not flow.has_node(node):
        new = flow.renamed.get(node)
        way_out = f'it is called "{new}" now' if new else suggestion(node, flow.nodes)
        raise NoSuchFlow(f'{path} has no node "{node}"; {way_out}')
    part = flow.part(node)
    return list(explain(part, part.nodes[node]))


def drawing(path: Path, environment: Mapping[str, str]) -> str:
    """Mermaid's text. Raises NoSuchFlow, InvalidFlow."""
    return mermaid(open_flow(path, environment).flow)


def page(path: Path, environment: Mapping[str, str]) -> str:
    """One HTML page. Raises NoSuchFlow, InvalidFlow."""
    flow = open_flow(path, environment).flow
    tested = run_flow(path)
    return render(flow, tested.coverage if tested else None)
