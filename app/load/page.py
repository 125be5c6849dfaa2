"""A run as one HTML page that needs nothing from elsewhere: figures, plots, what to do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from app.load import plots
from app.load.figures import Document, Vitals
from app.load.judgement import figure

# what each run, and those before it, are plotted with: a heading, the figure's name, its unit
TRENDS = (
    ("95th percentile of the answers", "answer_p95", "ms"),
    ("The server's CPU time for a frame", "us_per_frame", "µs"),
    ("Memory a call", "mb_per_call", "MB"),
)

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733 }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin-top: 2rem }
table { border-collapse: collapse } td, th { padding: .15rem .9rem .15rem 0; text-align: right }
td:first-child, th:first-child { text-align: left } svg { width: 100%; height: auto } .bad { color: #b3261e }
svg text { font-size: 11px; fill: #5b6876 }
"""


def page(
    document: Document,
    answers: plots.Points,
    earlier: Sequence[Document],
    course: Sequence[tuple[float, Vitals]] = (),
) -> str:
    """`answers` are (seconds into the run, milliseconds waited); `earlier` runs come the oldest first.

    `course` is what the server said of itself, by seconds into the run.
    """
    title = f"{document['calls']} calls to {document['target']}, {document['concurrency']} at once"
    parts = [
        f"<h1>{escape(title)}</h1><p>{escape(document['at'])}, {document['seconds']:g} s</p>",
        _list("Did not hold", document["broken"], "bad"),
        _list("Worse than last time", document["worse"], "bad"),
        _list("What to do", document["recommendations"]),
        "<h2>Waiting, in milliseconds after the end of the caller's speech</h2>",
        _waits(document),
        "<h2>How many answers took how long</h2>",
        plots.histogram([ms for _, ms in answers], "ms"),
        "<h2>Each answer in the course of the run</h2>",
        plots.dots(answers, "s", "ms"),
        _where(document),
        _course(course),
        _trends([*earlier, document]),
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


def _where(document: Document) -> str:
    """The stages of a turn, where the server's journals tell of them."""
    stages = {name: (found["p50"], found["p95"]) for name, found in document["stages_ms"].items()}
    heading = "<h2>Where the time of a turn goes, by the server's journals: the median, and 19 of 20</h2>"
    return heading + plots.bars(stages, "ms") if stages else ""


def _course(course: Sequence[tuple[float, Vitals]]) -> str:
    """The server in the course of the run, where it tells of itself."""
    parts = (
        ("Share of a core that the server used", _shares(course), ""),
        ("The server's memory", [(at, now.rss_mb) for at, now in course if now.rss_mb is not None], "MB"),
        (
            "How late its event loop ran, 95th percentile",
            [(at, now.lag_p95_ms) for at, now in course if now.lag_p95_ms is not None],
            "ms",
        ),
    )
    return "".join(
        f"<h2>{heading}</h2>{plots.line(found, 's', unit)}" for heading, found, unit in parts if found
    )


def _shares(course: Sequence[tuple[float, Vitals]]) -> list[tuple[float, float]]:
    known = [(at, now.cpu_s) for at, now in course if now.cpu_s is not None]
    return [
        (end, (then - now) / (end - begin)) for (begin, now), (end, then) in pairwise(known) if end > begin
    ]


def _trends(runs: Sequence[Document]) -> str:
    """This run and those before it."""
    return "".join(
        f"<h2>{heading}, this run and those before</h2>{plots.dots(_trend(runs, name), 'runs', unit)}"
        for heading, name, unit in TRENDS
    )


def _trend(runs: Sequence[Document], name: str) -> list[tuple[float, float]]:
    found = [figure(run, name) for run in runs]
    return [(float(number), value) for number, value in enumerate(found, 1) if value is not None]


def _waits(document: Document) -> str:
    names = list(document["answer_ms"])
    rows = {"answer": "answer_ms", "any sound": "any_audio_ms", "the server's own waits": "overhead_ms"}
    return _table(["", *names], [[name, *document[key].values()] for name, key in rows.items()])


def _table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    return "–" if value is None else escape(f"{value:g}" if isinstance(value, float) else str(value))


def _list(heading: str, lines: Sequence[str], kind: str = "") -> str:
    items = "".join(f'<li class="{kind}">{escape(line)}</li>' for line in lines)
    return f"<h2>{heading}</h2><ul>{items}</ul>" if lines else ""
