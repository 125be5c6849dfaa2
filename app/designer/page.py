"""One page that shows a flow: drag to move, wheel to zoom, click a node for its words in every language.

Self-contained: no script, style or picture comes from anywhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

from app.flow.drawing import drawn_edges, verb
from app.flow.explain import explain
from app.flow.graph import Edge, edges
from app.flow.model import Flow
from app.flow.rehearsal.coverage import Coverage

WIDTH, HEIGHT, COLUMN, ROW = 170, 46, 210, 120
Spots = Mapping[str, tuple[int, int]]

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
text {{ text-anchor: middle; }}
.verb, .label {{ fill: #678; font-size: 11px; }}
path {{ fill: none; stroke: #89a; stroke-width: 1.5; marker-end: url(#arrow); }}
path.taken {{ stroke: #2a7a3f; }}
path.missed {{ stroke: #b33; stroke-dasharray: 6 4; }}
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
<label>Language <select id="language">{languages}</select></label>
<h2 id="name">Click a node</h2>
<dl id="prompts"></dl>
<pre id="explained"></pre>
</aside>
<script>
const nodes = {data};
const svg = document.querySelector("svg"), language = document.getElementById("language");
let box = svg.viewBox.baseVal, held = null, chosen = null;
svg.addEventListener("wheel", event => {{
  event.preventDefault();
  const scale = event.deltaY > 0 ? 1.15 : 1 / 1.15, rect = svg.getBoundingClientRect();
  const x = (event.clientX - rect.left) / rect.width, y = (event.clientY - rect.top) / rect.height;
  box.x += box.width * x * (1 - scale); box.y += box.height * y * (1 - scale);
  box.width *= scale; box.height *= scale;
}}, {{passive: false}});
svg.addEventListener("pointerdown", event => {{ held = [event.clientX, event.clientY]; }});
window.addEventListener("pointerup", () => {{ held = null; }});
svg.addEventListener("pointermove", event => {{
  if (!held) return;
  const scale = Math.max(box.width / svg.clientWidth, box.height / svg.clientHeight);
  box.x -= (event.clientX - held[0]) * scale; box.y -= (event.clientY - held[1]) * scale;
  held = [event.clientX, event.clientY];
}});
function show() {{
  if (!chosen) return;
  const node = nodes[chosen], list = document.getElementById("prompts");
  document.getElementById("name").textContent = chosen;
  document.getElementById("explained").textContent = node.explained;
  list.replaceChildren();
  for (const [key, texts] of Object.entries(node.prompts[language.value] || {{}})) {{
    const term = document.createElement("dt"), words = document.createElement("dd");
    term.textContent = key; words.textContent = texts; list.append(term, words);
  }}
}}
for (const element of document.querySelectorAll(".node")) element.addEventListener("click", () => {{
  document.querySelectorAll(".chosen").forEach(one => one.classList.remove("chosen"));
  element.classList.add("chosen"); chosen = element.dataset.name; show();
}});
language.addEventListener("change", show);
</script>
</body>
</html>
"""


def render(flow: Flow, coverage: Coverage | None) -> str:
    """The page; without `coverage` nothing is coloured."""
    spots = _spots(flow)
    data = json.dumps({name: _node_data(flow, name) for name in flow.nodes}, ensure_ascii=False)
    return PAGE.format(
        title=escape(flow.name),
        width=max((x for x, _ in spots.values()), default=0) + COLUMN,
        height=max((y for _, y in spots.values()), default=0) + ROW,
        drawing="\n".join((*_paths(flow, spots, coverage), *_boxes(flow, spots, coverage))),
        summary=escape(_summary(coverage)),
        languages="".join(f'<option value="{code}">{code}</option>' for code in flow.languages),
        data=data.replace("</", "<\\/"),
    )


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


def _spots(flow: Flow) -> dict[str, tuple[int, int]]:
    """Rows by the number of steps from the start, columns in the order of the file."""
    following: dict[str, list[str]] = {}
    for edge in edges(flow):
        following.setdefault(edge.source, []).append(edge.target)
    rows, row, known = [], [flow.start], {flow.start}
    while row:
        rows.append(row)
        ahead = dict.fromkeys(target for name in row for target in following.get(name, ()))
        row = [name for name in ahead if name not in known]
        known |= set(row)
    rows.append([name for name in flow.nodes if name not in known])
    widest = max(map(len, rows))
    return {
        name: (round((column + (widest - len(names)) / 2) * COLUMN) + 20, index * ROW + 20)
        for index, names in enumerate(rows)
        for column, name in enumerate(names)
    }


def _paths(flow: Flow, spots: Spots, coverage: Coverage | None) -> Iterator[str]:
    for edge in drawn_edges(flow):
        (x1, y1), (x2, y2) = spots[edge.source], spots[edge.target]
        down = y2 > y1
        start = (x1 + WIDTH // 2, y1 + HEIGHT) if down else (x1 + WIDTH, y1 + HEIGHT // 2)
        end = (x2 + WIDTH // 2, y2) if down else (x2 + WIDTH, y2 + HEIGHT // 2)
        aside, over = (0, 50) if down else (70, 0)
        bend = f"{start[0] + aside},{start[1] + over} {end[0] + aside},{end[1] - over}"
        shape = f"M{start[0]},{start[1]} C{bend} {end[0]},{end[1]}"
        middle = ((start[0] + end[0]) // 2 + (0 if down else 50), (start[1] + end[1]) // 2)
        yield f'<path class="{_edge_class(edge, coverage)}" d="{shape}"/>'
        yield f'<text class="label" x="{middle[0]}" y="{middle[1]}">{escape(edge.label)}</text>'


def _edge_class(edge: Edge, coverage: Coverage | None) -> str:
    if coverage is None or edge.place is None:
        return "way"
    return "taken" if edge.place in coverage.taken else "missed"


def _boxes(flow: Flow, spots: Spots, coverage: Coverage | None) -> Iterator[str]:
    for name, node in flow.nodes.items():
        x, y = spots[name]
        seen = "" if coverage is None else "taken" if name in coverage.visited else "missed"
        middle = x + WIDTH // 2
        yield (
            f'<g class="node {seen}" data-name="{escape(name)}">'
            f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
            f'<text x="{middle}" y="{y + 20}">{escape(name)}</text>'
            f'<text class="verb" x="{middle}" y="{y + 36}">{escape(verb(node))}</text></g>'
        )
