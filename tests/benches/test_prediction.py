from __future__ import annotations

from app.designer.files import directory_texts
from app.flow import build_library
from scripts.benches.prediction import measure
from scripts.benches.prediction_callers import ANSWERS
from scripts.benches.server import ROOT


def test_callers_answer_questions_that_there_are() -> None:
    library = build_library(directory_texts(ROOT / "flows"))
    for name, answers in ANSWERS.items():
        assert [node for node in answers if not library.flows[name].has_node(node)] == []


def test_a_few_calls_tell_what_was_ready_and_what_was_made_in_vain() -> None:
    report = measure(calls=5, learning=5, seed=1)
    figures = report.figures["then"]
    assert figures["turns"] >= 15
    assert 0.5 < figures["ready_share"] <= 1.0
    cache = figures["cache"]
    assert cache["prepared"] == cache["prepared_used"] + cache["prepared_wasted"] > 0
    assert report.figures["then"] == measure(calls=5, learning=5, seed=1).figures["then"]
