"""One page that shows a flow: drag to move, wheel to zoom, click a node for its words in every language.

Self-contained: no script, style or picture comes from anywhere else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from html import escape
from textwrap import shorten
from typing import Final

from app.designer.layout import COLUMN, HEIGHT, ROW, WIDTH, Spot, Way, lines, spots
from app.flow.drawing import drawn_edges, is_everywhere, verb
from app.flow.explain import explain
from app.flow.graph import Edge
from app.flow.model import Flow
from app.flow.rehearsal.coverage import Coverage

EVERYWHERE: Final = "everywhere"
LABEL_LETTERS: Final = 32

PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ margin: 0; display: flex; height: 100vh; font: 14px system-ui, sans-serif; color: #223; }}
svg {{ flex: 1; background: #f7f8fa; cursor: grab; }}
aside {{ width: 340px; overflow: auto; padding: 16px; border-left: 1px solid #ccd; }}
.node rect {{ fill: #fff; stroke: #567; stroke-width: 1.5; }}
.node {{ cursor: pointer; }}
.node.taken rect {{ fill: #e4f5e8; stroke: #2a7a3f; }}
.node.missed rect {{ fill: #fdeaea; stroke: #b33; }}
.node.chosen rect {{ stroke-width: 4; }}
.node.everywhere rect {{ fill: #eef; stroke-dasharray: 5 3; }}
text {{ text-anchor: middle; }}
.verb, .label {{ fill: #567; font-size: 11px; }}
.label {{ paint-order: stroke; stroke: #f7f8fa; stroke-width: 4; }}
path {{ fill: none; stroke: #9ab; stroke-width: 1.5; marker-end: url(#arrow); }}
path.taken {{ stroke: #6aa97a; }}
path.missed {{ stroke: #b33; stroke-dasharray: 6 4; }}
svg.picked .way, svg.picked .node {{ opacity: 0.2; }}
svg.picked .way.near, svg.picked .node.near {{ opacity: 1; }}
svg.picked .way.near path {{ stroke-width: 2.5; }}
dt {{ font-weight: 600; margin-top: 8px; }}
dd {{ margin: 2px 0 0 12px; }}
pre {{ white-space: pre-wrap; font: inherit; }}
</style>
</head>
<body>
<svg viewBox="0 0 {width} {height}">
<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">
<polygon points="0,0 10,5 0,10" fill="#89a"/></marker></defs>
{drawing}
</svg>
<aside>
<h1>{title}</h1>
<p>{summary}</p>
<p><label>Language <select id="language">{languages}</select></label> <button id="whole">Show all</button></p>
<h2 id="name">Click a node</h2>
<dl id="prompts"></dl>
<pre id="explained"></pre>
</aside>
<script>
const nodes = {data};
const svg = document.querySelector("svg"), language = document.getElementById("language");
const box = svg.viewBox.baseVal, whole = [box.x, box.y, box.width, box.height];
let held = null, moved = false, chosen = null;
svg.addEventListener("wheel", event => {{
  event.preventDefault();
  const scale = event.deltaY > 0 ? 1.15 : 1 / 1.15, rect = svg.getBoundingClientRect();
  const unit = Math.max(box.width / rect.width, box.height / rect.height);  // the drawing is centred in its room
  const x = box.x + box.width / 2 + (event.clientX - rect.left - rect.width / 2) * unit;
  const y = box.y + box.height / 2 + (event.clientY - rect.top - rect.height / 2) * unit;
  box.x = x + (box.x - x) * scale; box.y = y + (box.y - y) * scale;
  box.width *= scale; box.height *= scale;
}}, {{passive: false}});
svg.addEventListener("pointerdown", event => {{ held = [event.clientX, event.clientY]; moved = false; }});
window.addEventListener("pointerup", () => {{ held = null; }});
svg.addEventListener("pointermove", event => {{
  if (!held) return;
  const scale = Math.max(box.width / svg.clientWidth, box.height / svg.clientHeight);
  box.x -= (event.clientX - held[0]) * scale; box.y -= (event.clientY - held[1]) * scale;
  held = [event.clientX, event.clientY]; moved = true;
}});
function pick(name) {{
  chosen = name;
  const near = new Set([name]);
  svg.classList.toggle("picked", name !== null);
  for (const way of document.querySelectorAll(".way")) {{
    const touches = way.dataset.from === name || way.dataset.to === name;
    way.classList.toggle("near", touches);
    if (touches) {{ near.add(way.dataset.from); near.add(way.dataset.to); }}
  }}
  for (const node of document.querySelectorAll(".node")) {{
    node.classList.toggle("near", near.has(node.dataset.name));
    node.classList.toggle("chosen", node.dataset.name === name);
  }}
  show();
}}
function show() {{
  if (!nodes[chosen]) {{
    document.getElementById("name").textContent = chosen || "Click a node";
    document.getElementById("explained").textContent = "";
    document.getElementById("prompts").replaceChildren();
    return;
  }}
  const node = nodes[chosen], list = document.getElementById("prompts");
  document.getElementById("name").textContent = chosen;
  document.getElementById("explained").textContent = node.explained;
  list.replaceChildren();
  for (const [key, texts] of Object.entries(node.prompts[language.value] || {{}})) {{
    const term = document.createElement("dt"), words = document.createElement("dd");
    term.textContent = key; words.textContent = texts; list.append(term, words);
  }}
}}
svg.addEventListener("click", event => {{
  if (moved) return;
  const node = event.target.closest(".node");
  pick(node ? node.dataset.name : null);
}});
document.getElementById("whole").addEventListener("click", () => {{
  [box.x, box.y, box.width, box.height] = whole; pick(null);
}});
language.addEventListener("change", show);
</script>
</body>
</html>
"""


def render(flow: Flow, coverage: Coverage | None) -> str:
    """The page; without `coverage` nothing is coloured."""
    ways = _ways(flow)
    everywhere = [EVERYWHERE] if any(source == EVERYWHERE for source, _ in ways) else []
    at = spots([*everywhere, *flow.nodes], [flow.start, *everywhere], ways)
    data = json.dumps({name: _node_data(flow, name) for name in flow.nodes}, ensure_ascii=False)
    return PAGE.format(
        title=escape(flow.name),
        width=max(x for x, _ in at.values()) + COLUMN,
        height=max(y for _, y in at.values()) + ROW,
        drawing="\n".join((*_paths(ways, at, coverage), *_boxes(flow, at, coverage))),
        summary=escape(_summary(coverage)),
        languages="".join(f'<option value="{code}">{code}</option>' for code in flow.languages),
        data=data.replace("</", "<\\/"),
    )


def _ways(flow: Flow) -> dict[Way, list[Edge]]:
    """What leads from one box to another; what can be done everywhere comes from a box of its own."""
    found: dict[Way, list[Edge]] = {}
    for edge in drawn_edges(flow):
        source = EVERYWHERE if is_everywhere(flow, edge) else edge.source
        found.setdefault((source, edge.target), []).append(edge)
    return found


def _summary(coverage: Coverage | None) -> str:
    if coverage is None:
        return "No tests."
    nodes, ways = len(coverage.nodes), len(coverage.transitions)
    return (
        f"Tests come by {nodes - len(coverage.missed_nodes)} of {nodes} nodes and take "
        f"{ways - len(coverage.missed)} of {ways} transitions; what none takes is red."
    )


def _node_data(flow: Flow, name: str) -> dict[str, object]:
    prompts: dict[str, dict[str, str]] = {}
    for prompt in flow.prompts:
        if prompt.key.startswith(f"{name}."):
            for language, lines in prompt.lines.items():
                words = " | ".join(line.template.source for line in lines)
                prompts.setdefault(language, {})[prompt.key[len(name) + 1 :]] = words
    return {"prompts": prompts, "explained": "\n".join(explain(flow, flow.nodes[name]))}


def _paths(
    ways: Mapping[Way, list[Edge]], at: Mapping[str, Spot], coverage: Coverage | None
) -> Iterator[str]:
    for (source, target), path in lines(list(ways), at).items():
        found = ways[source, target]
        label = ", ".join(dict.fromkeys(map(_label, found)))
        kinds = {_edge_class(edge, coverage) for edge in found}
        kind = next((one for one in ("missed", "taken") if one in kinds), "")
        x, y = _middle(path)
        yield (
            f'<g class="way" data-from="{escape(source)}" data-to="{escape(target)}">'
            f'<path class="{kind}" d="{path}"/>'
            f'<text class="label" x="{x}" y="{y}">{escape(shorten(label, LABEL_LETTERS, placeholder=" …"))}'
            f"<title>{escape(label)}</title></text></g>"
        )


def _label(edge: Edge) -> str:
    """What leads on, and under which condition; a branch is nothing but conditions."""
    condition = edge.condition.source if edge.condition else "else" if edge.earlier else ""
    parts = [] if edge.label == "branch" else [edge.label]
    return ": ".join([*parts, condition] if condition else parts)


def _middle(path: str) -> Spot:
    """A point of the curve a third of the way on, where lines that part have parted."""
    (x1, y1), (x2, y2), (x3, y3), (x4, y4) = (
        (int(x), int(y)) for x, y in re.findall(r"(-?\d+),(-?\d+)", path)
    )
    return round((8 * x1 + 12 * x2 + 6 * x3 + x4) / 27), round((8 * y1 + 12 * y2 + 6 * y3 + y4) / 27)


def _edge_class(edge: Edge, coverage: Coverage | None) -> str:
    if coverage is None or edge.place is None:
        return ""
    return "taken" if edge.place in coverage.taken else "missed"


def _boxes(flow: Flow, at: Mapping[str, Spot], coverage: Coverage | None) -> Iterator[str]:
    for name, (x, y) in at.items():
        seen = "" if coverage is None else "taken" if name in coverage.visited else "missed"
        kind = seen if name in flow.nodes else EVERYWHERE
        what = verb(flow.nodes[name]) if name in flow.nodes else "from every question"
        middle = x + WIDTH // 2
        yield (
            f'<g class="node {kind}" data-name="{escape(name)}">'
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
            f'<text x="{middle}" y="{y + 20}">{escape(name)}</text>'
            f'<text class="verb" x="{middle}" y="{y + 36}">{escape(what)}</text></g>'
        )
