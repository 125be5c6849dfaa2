"""What operators see of all workers as one: /health, /metrics and the console.

Each worker puts its own on a board every second, figures every fifth (they take milliseconds) and before they are
shown: what one worker has shown, the next one knows. Whoever is asked adds them up. What the console shows is put up
only while somebody looks at it, on whichever worker; callers' words are in it, so it is sealed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol

import msgspec
from prometheus_client.registry import Collector

from app.call.aside import Aside
from app.call.sealing import Seal, Unreadable
from app.ops.joined_figures import Figures, JoinedFigures
from app.ops.joined_state import joined_state
from app.ops.meters import percentile
from app.ops.posts import FOLDED, Posts

log = logging.getLogger("callrelay")

PUT_EVERY_S = 1.0
FIGURES_EVERY = 5
# a call as the console shows it is some kilobytes: of so many all is told, and then what is short
CALLS_WHOLE = 24
STATES = ("healthy", "degraded", "down")

Report = Mapping[str, Any]


class Post(msgspec.Struct):
    """What a worker says of itself: its own /health, and the answers (ms) that its figures are made of."""

    process: int
    report: dict[str, Any]
    answers_ms: list[float]


class Worker(Protocol):
    """What one worker knows; see `Operations`."""

    @property
    def figures(self) -> Collector: ...

    def report(self) -> dict[str, Any]: ...

    def answers_ms(self) -> list[float]: ...

    def state(self) -> dict[str, Any]: ...


class Board:
    """`own` is this worker. `posts` is for the event loop, `beside` for what is written beside it."""

    def __init__(self, posts: Posts, beside: Posts, seal: Seal, own: Worker, aside: Aside) -> None:
        self._posts = posts
        self._beside = beside
        self._seal = seal
        self._own = own
        self._aside = aside
        self._state_is_up = False
        self._shown: Figures | None = None
        self._strangers_told = False
        posts.fold("figures", _sum)

    async def run(self) -> None:
        """Put up what is so here, for ever."""
        for number in count():
            await self.put()
            if number % FIGURES_EVERY == 0:
                self.put_figures()
            await asyncio.sleep(PUT_EVERY_S)

    def put_figures(self) -> None:
        """Put up what has been counted and measured here by now."""
        figures = Figures.of(os.getpid(), self._own.figures)
        if self._posts.put("figures", msgspec.msgpack.encode(figures)) or self._shown is None:
            self._shown = figures

    async def put(self) -> None:
        """Put up all else that is so here now."""
        if await self._aside(partial(self._put_health, self._health())):
            state = {name: part for name, part in self._own.state().items() if name != "health"}
            await self._aside(partial(self._put_state, state))
        elif self._state_is_up:
            await self._aside(self._take_state_down)

    def _put_health(self, post: Post) -> bool:
        """Whether somebody looks."""
        self._beside.put("health", msgspec.json.encode(post))
        return bool(self._beside.fresh("look"))

    def _put_state(self, state: dict[str, Any]) -> bool:
        short = state | {"calls": _shortened(state["calls"])}
        self._state_is_up = True
        return self._beside.put("state", self._seal.close(msgspec.json.encode(short), "state"))

    def _take_state_down(self) -> bool:
        self._state_is_up = False
        self._beside.take_down("state")
        return True

    def report(self) -> dict[str, Any]:
        """The /health of all. A board that cannot be read shows this worker alone."""
        others = [msgspec.json.decode(post, type=Post) for post in self._posts.fresh("health")]
        return merged([self._health(), *others])

    @property
    def figures(self) -> JoinedFigures:
        """The figures of all, and what those counted that are gone."""
        self.put_figures()
        present, gone = _decoded(self._posts.fresh("figures")), _decoded(self._posts.gone("figures"))
        return JoinedFigures([*filter(None, [self._shown]), *present], gone)

    def state(self) -> dict[str, Any]:
        """What the console shows of all; the others' a second after somebody has begun to look."""
        self._posts.put("look", b"")
        states = [self._own.state(), *self._other_states()]
        return joined_state(states) | {"health": self.report()}

    def close(self) -> None:
        """Put up the last figures, take down all else, and let go of the file."""
        self.put_figures()
        for kind in ("health", "state", "look"):
            self._posts.take_down(kind)
        self._posts.close()
        self._beside.close()

    def _other_states(self) -> list[dict[str, Any]]:
        try:
            opened = [self._seal.open(post, "state") for post in self._posts.fresh("state")]
        except Unreadable:
            if not self._strangers_told:
                log.warning("what the other workers do cannot be read: they have another TWILIO_AUTH_TOKEN")
            self._strangers_told = True
            return []
        return [msgspec.json.decode(state) for state in opened]

    def _health(self) -> Post:
        return Post(os.getpid(), self._own.report(), self._own.answers_ms())


def _decoded(posts: Sequence[bytes]) -> list[Figures]:
    return [msgspec.msgpack.decode(post, type=Figures) for post in posts]


def _sum(posts: Sequence[bytes]) -> bytes:
    """What workers counted that are gone, as if they had been one."""
    return msgspec.msgpack.encode(Figures.of(FOLDED, JoinedFigures([], _decoded(posts))))


def _shortened(calls: Mapping[str, Sequence[Report]]) -> dict[str, Any]:
    """The calls that have gone on for longest as they are; of the others neither words nor turns."""
    live = calls["live"]
    others = [{**call, "words": [], "turns": []} for call in live[CALLS_WHOLE:]]
    return {**calls, "live": [*live[:CALLS_WHOLE], *others]}


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
