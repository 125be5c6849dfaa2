"""Findings about services: what callers hear while one is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject
from app.flow.nodes.http import Http

LONGEST_SILENCE_MS: Final = 2000


def check(subject: Subject) -> Iterator[Finding]:
    for name, node in subject.flow.nodes.items():
        if isinstance(node, Http) and node.timeout_ms > LONGEST_SILENCE_MS and node.waiting is None:
            yield Finding(
                subject.key_place(name, "timeout"),
                "slow-without-waiting",
                f'the service of node "{name}" may take {node.timeout_ms / 1000:g} s of silence',
                "add `waiting: One moment.`, or a timeout of 2s at most",
            )
