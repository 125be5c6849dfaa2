from __future__ import annotations

import pytest

from app.call.answer_timing import AnswerTiming
from app.call.saying import Prompt
from app.call.timeline import Timeline
from providers.base import Voice


def test_what_is_waited_for_between_words_and_their_first_frame_is_ours() -> None:
    timing, prompt = AnswerTiming(), Prompt("Yes.", "Yes.", "greet", Voice("hum", "en"))
    timing.begin(Timeline(t0=10.0), 10.3)
    timing.expect(prompt)
    timing.speech_ready(prompt, due=10.3, asked=10.302, ready=10.35)
    timeline = timing.started(prompt, ready=10.35, sent=10.351, heard=10.351)
    assert timeline
    assert timeline.waits == {"hand_over": pytest.approx(2.0), "pacing": pytest.approx(1.0)}
    assert timeline.stages["speech_first_byte"] == pytest.approx((302.0, 350.0))
