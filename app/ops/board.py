"""One /health for all workers: each puts its own on a board every second, and whoever is asked adds them up."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from app.call.state_file import open_state
from app.clock import Clock
from app.ops.meters import percentile

log = logging.getLogger("callrelay")

PUT_EVERY_S = 1.0
FORGOTTEN_AFTER_S = 5.0
STATES = ("healthy", "degraded", "down")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS workers (process INTEGER PRIMARY KEY, put_at REAL NOT NULL, post BLOB NOT NULL)
"""
_PUT = "INSERT OR REPLACE INTO workers VALUES (?, ?, ?)"
_READ = "SELECT post FROM workers WHERE process != ? AND put_at BETWEEN ? AND ?"
_TAKE_OFF = "DELETE FROM workers WHERE process = ? OR put_at NOT BETWEEN ? AND ?"

Report = Mapping[str, Any]


class Post(msgspec.Struct):
    """What a worker says of itself: its own /health, and the answers (ms) that its figures are made of."""

    process: int
    report: dict[str, Any]
    answers_ms: list[float]


class Board:
    """`own` and `answers_ms` are this worker's. Raises SettingsError when the file cannot be used."""

    def __init__(
        self,
        data_dir: Path,
        clock: Clock,
        own: Callable[[], dict[str, Any]],
        answers_ms: Callable[[], list[float]],
    ) -> None:
        self._clock = clock
        self._own = own
        self._answers_ms = answers_ms
        self._database = open_state(data_dir, _SCHEMA)

    async def run(self) -> None:
        """Put up what is so here, for ever."""
        while True:
            self._put()
            await asyncio.sleep(PUT_EVERY_S)

    def report(self) -> dict[str, Any]:
        """The /health of all. A board that cannot be read shows this worker alone."""
        mine, now = self._post(), self._clock.now()
        try:
            rows = self._database.execute(_READ, (mine.process, now - FORGOTTEN_AFTER_S, now)).fetchall()
        except sqlite3.Error as error:
            log.warning("the other workers' health cannot be read: %s", error)
            rows = []
        return merged([mine, *(msgspec.json.decode(post, type=Post) for (post,) in rows)])

    def close(self) -> None:
        """Take down what is up, and let go of the file."""
        now = self._clock.now()
        with suppress(sqlite3.Error):
            self._database.execute(_TAKE_OFF, (os.getpid(), now - FORGOTTEN_AFTER_S, now))
        self._database.close()

    def _post(self) -> Post:
        return Post(os.getpid(), self._own(), self._answers_ms())

    def _put(self) -> None:
        post, now = self._post(), self._clock.now()
        try:
            self._database.execute(_PUT, (post.process, now, msgspec.json.encode(post)))
        except sqlite3.Error as error:
            log.warning("this worker's health cannot be put up: %s", error)


def merged(posts: Sequence[Post]) -> dict[str, Any]:
    """The first post's report, with what is true of all of them."""
    reports = [post.report for post in posts]
    relays = [report["conversationRelay"] for report in reports]
    capacities = [relay["capacity"] for relay in relays]
    return {
        **reports[0],
        "status": _status([report["status"] for report in reports]),
        "performance": _performance(posts),
        "conversationRelay": {
            **relays[0],
            "activeSessions": sum(relay["activeSessions"] for relay in relays),
            "capacity": None if None in capacities else sum(capacities),
        },
        "providers": _providers([report["providers"] for report in reports]),
        "inference": _inference([report.get("inference") for report in reports]),
        "loop": {
            "lagP95Ms": max((report["loop"]["lagP95Ms"] or 0.0 for report in reports), default=None),
            "tasks": sum(report["loop"]["tasks"] for report in reports),
        },
        "process": {
            part: sum(report["process"][part] or 0.0 for report in reports) for part in reports[0]["process"]
        },
        "workers": sorted((_line(post) for post in posts), key=lambda line: line["process"]),
    }


def _line(post: Post) -> dict[str, Any]:
    report = post.report
    return {
        "process": post.process,
        "status": report["status"],
        "activeSessions": report["conversationRelay"]["activeSessions"],
        "lagP95Ms": report["loop"]["lagP95Ms"],
    }


def _status(statuses: Sequence[str]) -> str:
    """As the others are; less than well where they differ, as long as somebody takes calls."""
    if len(set(statuses)) == 1:
        return statuses[0]
    return "degraded" if {"healthy", "degraded"} & set(statuses) else statuses[0]


def _performance(posts: Sequence[Post]) -> dict[str, Any]:
    answers = [answer for post in posts for answer in post.answers_ms]
    own = [post.report["performance"] for post in posts]
    turns = [len(post.answers_ms) for post in posts]
    p95 = percentile(answers, 0.95)
    return {
        "averageLatency": round(sum(answers) / len(answers), 1) if answers else None,
        "p95Latency": None if p95 is None else round(p95, 1),
        "cacheHitRate": _mean([one["cacheHitRate"] for one in own], turns),
        "qualityScore": _mean([one["qualityScore"] for one in own], turns),
        "breakdown": {
            part: _mean([one["breakdown"][part] for one in own], turns) for part in own[0]["breakdown"]
        },
    }


def _mean(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """Weighted by turns; None where nobody has a value."""
    known = [(value, weight or 1) for value, weight in zip(values, weights, strict=True) if value is not None]
    weight = sum(weight for _, weight in known)
    return round(sum(value * weight for value, weight in known) / weight, 3) if known else None


def _inference(reports: Sequence[dict[str, float | None] | None]) -> dict[str, float | None] | None:
    """Numbers of all together, times of the slowest."""
    known = [report for report in reports if report]
    if not known:
        return None
    found = {part: [value for report in known if (value := report[part]) is not None] for part in known[0]}
    return {
        part: (max(values, default=None) if part.endswith("Ms") else sum(values))
        for part, values in found.items()
    }


def _providers(reports: Sequence[Report]) -> dict[str, Any]:
    """Each as the worker sees it that is worst off."""
    names = dict.fromkeys(name for report in reports for name in report)
    seen = {name: [report[name] for report in reports if name in report] for name in names}
    return {name: max(states, key=lambda one: STATES.index(one["state"])) for name, states in seen.items()}
