"""Where the boxes of a drawn flow stand, and how the lines between them run.

Rows are the number of steps from the start; within a row boxes are sorted by where the lines to them come from, which
uncrosses most lines (the barycentre heuristic of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

WIDTH, HEIGHT, COLUMN, ROW, MARGIN = 170, 46, 215, 130, 40
SWEEPS: Final = 6

Spot = tuple[int, int]
Way = tuple[str, str]


def spots(names: Sequence[str], starts: Sequence[str], ways: Iterable[Way]) -> dict[str, Spot]:
    """The upper left corner of each box, in pixels; what nothing leads to comes last."""
    ways = list(dict.fromkeys(ways))
    rows = _rows(names, starts, ways)
    for sweep in range(SWEEPS):
        columns = _columns(rows)
        beside = _neighbours(ways, columns, upwards=sweep % 2 == 0)
        rows = [sorted(row, key=lambda name: beside.get(name, columns[name][1])) for row in rows]
    widest = max(map(len, rows))
    return {
        name: (
            round((column + (widest - len(row)) / 2) * COLUMN) + MARGIN,
            index * ROW + MARGIN,
        )
        for index, row in enumerate(rows)
        for column, name in enumerate(row)
    }


def _rows(names: Sequence[str], starts: Sequence[str], ways: Sequence[Way]) -> list[list[str]]:
    following: dict[str, list[str]] = {}
    for source, target in ways:
        following.setdefault(source, []).append(target)
    rows, row, known = [], list(starts), set(starts)
    while row:
        rows.append(row)
        ahead = dict.fromkeys(target for name in row for target in following.get(name, ()))
        row = [name for name in ahead if name not in known]
        known |= set(row)
    rest = [name for name in names if name not in known]
    return [*rows, rest] if rest else rows


def _columns(rows: Sequence[Sequence[str]]) -> dict[str, tuple[int, float]]:
    """(row, place from the middle) of each box."""
    return {
        name: (index, column - len(row) / 2)
        for index, row in enumerate(rows)
        for column, name in enumerate(row)
    }


def _neighbours(
    ways: Sequence[Way], columns: Mapping[str, tuple[int, float]], *, upwards: bool
) -> dict[str, float]:
    """The mean place of the boxes that each is joined with in the rows above, or below."""
    found: dict[str, list[float]] = {}
    for one, other in [*ways, *((target, source) for source, target in ways)]:
        (row, place), (own_row, _) = columns[one], columns[other]
        if row < own_row if upwards else row > own_row:
            found.setdefault(other, []).append(place)
    return {name: sum(places) / len(places) for name, places in found.items()}


def lines(ways: Sequence[Way], at: Mapping[str, Spot]) -> dict[Way, str]:
    """The path of each line (SVG's `d`). Lines that share a side of a box leave and arrive side by side."""
    sides = {way: _sides(way, at) for way in ways}
    ports: dict[tuple[str, str], list[tuple[int, Way, bool]]] = {}
    for way, (leaves, arrives) in sides.items():
        source, target = way
        ports.setdefault((source, leaves), []).append((at[target][0], way, True))
        ports.setdefault((target, arrives), []).append((at[source][0], way, False))
    points: dict[tuple[Way, bool], Spot] = {}
    for (name, side), users in ports.items():
        for number, (_, way, is_source) in enumerate(sorted(users), 1):
            points[way, is_source] = _port(at[name], side, number / (len(users) + 1))
    return {way: _path(points[way, True], points[way, False], *sides[way]) for way in ways}


def _sides(way: Way, at: Mapping[str, Spot]) -> tuple[str, str]:
    (x1, y1), (x2, y2) = at[way[0]], at[way[1]]
    if y2 > y1:
        return "bottom", "top"
    if y2 == y1:
        return "bottom", "bottom"
    return ("right", "right") if x2 >= x1 else ("left", "left")


def _port(corner: Spot, side: str, share: float) -> Spot:
    x, y = corner
    if side in ("top", "bottom"):
        return x + round(WIDTH * share), y + (HEIGHT if side == "bottom" else 0)
    return x + (WIDTH if side == "right" else 0), y + round(HEIGHT * share)


def _path(start: Spot, end: Spot, leaves: str, arrives: str) -> str:
    far = max(45, abs(end[1] - start[1]) // 3, abs(end[0] - start[0]) // 6)
    out = {"bottom": (0, far), "top": (0, -far), "right": (far, 0), "left": (-far, 0)}
    (a, b), (c, d) = out[leaves], out[arrives]
    bend = f"{start[0] + a},{start[1] + b} {end[0] + c},{end[1] + d}"
    return f"M{start[0]},{start[1]} C{bend} {end[0]},{end[1]}"
