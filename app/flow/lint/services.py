"""Findings about services: what callers hear while one is asked, and what a request may do unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from app.flow.lint.finding import Finding
from app.flow.lint.subject import Subject, text

LONGEST_SILENCE_MS: Final = 2000
DEFAULT_TIMEOUT_MS: Final = 5000
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s)")


def check(subject: Subject) -> Iterator[Finding]:
    for name, node in subject.nodes.items():
        request = text(node, "http")
        if request is None:
            continue
        if _timeout_ms(text(node, "timeout")) > LONGEST_SILENCE_MS and "waiting" not in node.values:
            yield Finding(
                subject.key_place(name, "timeout" if "timeout" in node.values else "http"),
                "slow-without-waiting",
                f'the service of node "{name}" may take {_timeout_ms(text(node, "timeout")) / 1000:g} s of silence',
                "add `waiting: One moment.`, or a timeout of 2s at most",
            )
        if "prefetch" in node.values and not request.startswith("GET "):
            yield Finding(
                node.values["prefetch"].place,
                "prefetch-changes",
                f'node "{name}" would send its {request.split(" ")[0]} before it is known to be wanted',
                "remove prefetch, or use GET",
            )


def _timeout_ms(written: str | None) -> float:
    found = _DURATION.fullmatch(written or "")
    if found is None:
        return DEFAULT_TIMEOUT_MS
    return float(found[1]) * (1 if found[2] == "ms" else 1000)
