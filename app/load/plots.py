"""Plots as SVG, which a page holds in itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, EDGE = 640, 180, 34
NAMES, ROW = 150, 22
BARS = 40
COLOUR, PALE = "#3b6ea5", "#bcd0e5"
NOTHING = "<p>There are none.</p>"

Points = Sequence[tuple[float, float]]


def histogram(values: Sequence[float], unit: str) -> str:
    """How many of `values` lie where."""
    if not values:
        return NOTHING
    low, high = min(values), max(values)
    step = (high - low) / BARS or 1.0
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, int((value - low) / step))] += 1
    width, tallest = (WIDTH - 2 * EDGE) / BARS, max(counts)
    marks = "".join(
        f'<rect x="{EDGE + number * width:.1f}" y="{_y(count, tallest):.1f}" width="{width - 1:.1f}" '
        f'height="{HEIGHT - EDGE - _y(count, tallest):.1f}" fill="{COLOUR}"/>'
        for number, count in enumerate(counts)
    )
    return _plot(marks, f"{tallest}", f"{low:.0f} {unit}", f"{high:.0f} {unit}")


def dots(points: Points, across: str, up: str) -> str:
    """Each point by itself; `across` and `up` are the units."""
    if not points:
        return NOTHING
    places, most_x, most_y = _placed(points)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{COLOUR}" fill-opacity=".6"/>' for x, y in places
    )
    return _plot(marks, f"{most_y:.4g} {up}", "0", f"{most_x:.0f} {across}")


def line(points: Points, across: str, up: str) -> str:
    """Points joined in their order."""
    if not points:
        return NOTHING
    places, most_x, most_y = _placed(points)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = f'<polyline points="{path}" fill="none" stroke="{COLOUR}" stroke-width="2"/>'
    return _plot(marks, f"{most_y:.4g} {up}", "0", f"{most_x:.0f} {across}")


def bars(found: Mapping[str, tuple[float, float]], unit: str) -> str:
    """For each name two values on one bar, the second the larger."""
    if not found:
        return NOTHING
    longest = max(high for _, high in found.values()) or 1.0
    rows = "".join(_bar(row, name, *ends, longest, unit) for row, (name, ends) in enumerate(found.items()))
    return f'<svg viewBox="0 0 {WIDTH} {len(found) * ROW}" role="img">{rows}</svg>'


def _bar(row: int, name: str, low: float, high: float, longest: float, unit: str) -> str:
    scale = (WIDTH - 2 * NAMES) / longest
    text, top = row * ROW + 14, row * ROW + 4
    return (
        f'<text x="{NAMES - 8}" y="{text}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{NAMES}" y="{top}" width="{max(0.0, high) * scale:.1f}" height="{ROW - 8}" fill="{PALE}"/>'
        f'<rect x="{NAMES}" y="{top}" width="{max(0.0, low) * scale:.1f}" height="{ROW - 8}" fill="{COLOUR}"/>'
        f'<text x="{NAMES + max(0.0, high) * scale + 6:.1f}" y="{text}">{low:.0f}, {high:.0f} {unit}</text>'
    )


def _placed(points: Points) -> tuple[list[tuple[float, float]], float, float]:
    """Where points come to lie, and the largest of both axes."""
    most_x, most_y = max(x for x, _ in points) or 1.0, max(y for _, y in points) or 1.0
    width = WIDTH - 2 * EDGE
    return [(EDGE + x / most_x * width, _y(max(0.0, y), most_y)) for x, y in points], most_x, most_y


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
