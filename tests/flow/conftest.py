"""The shipped flows, and a way to talk to one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.flow import Library, build_library
from tests.flow.caller import Caller

FLOWS = Path(__file__).parents[2] / "flows"


@pytest.fixture(scope="session")
def library() -> Library:
    return build_library({str(path): path.read_text("utf-8") for path in FLOWS.glob("*.yaml")})


@pytest.fixture
def call(library: Library) -> Callable[..., Caller]:
    """`call("greeting")`: a caller who has just been answered by that flow."""
    return lambda name, **options: Caller(library.flows[name], **options)
