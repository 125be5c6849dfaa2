"""The shipped flows, and a way to talk to one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.designer.files import directory_texts
from app.flow import Library, build_library
from tests.flow.caller import Caller

FLOWS = Path(__file__).parents[2] / "flows"


@pytest.fixture(scope="session")
def library() -> Library:
    return build_library(directory_texts(FLOWS))


@pytest.fixture
def call(library: Library) -> Callable[..., Caller]:
    """`call("greeting")`: a caller who has just been answered by that flow."""
    return lambda name, **options: Caller(library.flows[name], **options)
