"""A run as one HTML page that needs nothing from elsewhere: figures, plots, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from app.load.figures import Document
from app.load.judgement import figure

WIDTH, HEIGHT, EDGE = 640, 180, 34
BARS = 40

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733 }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .15rem .9rem .15rem 0; text-align: right }
td:first-child, th:first-child { text-align: left } svg { width: 100%; height: auto } .bad { color: #b3261e }
svg text { font-size: 11px; fill: #5b6876 }
"""


def page(document: Document, answers: Sequence[tuple[float, float]], earlier: Sequence[Document]) -> str:
    """`answers` are (seconds into the run, milliseconds waited); `earlier` runs come the oldest first."""
    title = f"{document['calls']} calls to {document['target']}, {document['concurrency']} at once"
    trend = [figure(run, "answer_p95") for run in (*earlier, document)]
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(document['at'])}, {document['seconds']:g} s</p>",
        _list("Did not hold", document["broken"], "bad"),
        _list("Worse than last time", document["worse"], "bad"),
        _list("What to do", document["recommendations"]),
        "<h2>Waiting, in milliseconds after the end of the caller's speech</h2>",
        _waits(document),
        "<h2>How many answers took how long</h2>",
        _histogram([ms for _, ms in answers]),
        "<h2>Each answer in the course of the run</h2>",
        _points(answers, "s"),
        "<h2>95th percentile of the answers, this run and those before</h2>",
        _points([(float(number), ms) for number, ms in enumerate(trend) if ms is not None], "th run"),
        "<h2>Cost</h2>",
        _table(
            ["", "server", "callers"],
            [[name, value, document["client"].get(name)] for name, value in document["server"].items()],
        ),
        _list("Faults", [f"{times} × {fault}" for fault, times in document["faults"].items()], "bad"),
    ]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style>{''.join(parts)}</html>\n"
    )


def _waits(document: Document) -> str:
    names = list(document["answer_ms"])
    rows = [["answer", *document["answer_ms"].values()], ["any sound", *document["any_audio_ms"].values()]]
    return _table(["", *names], rows)


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    return "–" if value is None else escape(f"{value:g}" if isinstance(value, float) else str(value))


def _list(heading: str, lines: Sequence[str], kind: str = "") -> str:
    items = "".join(f'<li class="{kind}">{escape(line)}</li>' for line in lines)
    return f"<h2>{heading}</h2><ul>{items}</ul>" if lines else ""


def _histogram(values: Sequence[float]) -> str:
    if not values:
        return "<p>There are none.</p>"
    low, high = min(values), max(values)
    step = (high - low) / BARS or 1.0
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int((value - low) / step))] += 1
    width, tallest = (WIDTH - 2 * EDGE) / BARS, max(counts)
    bars = "".join(
        f'<rect x="{EDGE + number * width:.1f}" y="{_y(count, tallest):.1f}" width="{width - 1:.1f}" '
        f'height="{HEIGHT - EDGE - _y(count, tallest):.1f}" fill="#3b6ea5"/>'
        for number, count in enumerate(counts)
    )
    return _plot(bars, f"{tallest}", f"{low:.0f} ms", f"{high:.0f} ms")


def _points(points: Sequence[tuple[float, float]], unit: str) -> str:
    if not points:
        return "<p>There are none.</p>"
    most_x, most_y = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0
    dots = "".join(
        f'<circle cx="{EDGE + x / most_x * (WIDTH - 2 * EDGE):.1f}" cy="{_y(max(0.0, y), most_y):.1f}" r="2" '
        'fill="#3b6ea5" fill-opacity=".6"/>'
        for x, y in points
    )
    return _plot(dots, f"{most_y:.0f} ms", "0", f"{most_x:.0f} {unit}")


def _y(value: float, most: float) -> float:
    return HEIGHT - EDGE - value / most * (HEIGHT - 2 * EDGE)


def _plot(marks: str, top: str, left: str, right: str) -> str:
    floor = HEIGHT - EDGE
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">'
        f'<path d="M{EDGE} {EDGE}V{floor}H{WIDTH - EDGE}" fill="none" stroke="#aab4bf"/>{marks}'
        f'<text x="{EDGE}" y="{EDGE - 8}">{top}</text><text x="{EDGE}" y="{HEIGHT - 14}">{left}</text>'
        f'<text x="{WIDTH - EDGE}" y="{HEIGHT - 14}" text-anchor="end">{right}</text></svg>'
    )
