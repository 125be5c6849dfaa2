from __future__ import annotations

from scripts.benches import speech_failover
from scripts.benches.report import Report
from tests.providers.fakes.speech_sweep import Spoken, Understood

GOOD = Spoken(400.0, 0, 0, 300.0, 1.0, 60.0, 361.0)
HEARD = Understood(speech_failover.TEXT, ["embedded"], 2.0, 150.0, 200.0)


def promises(spoken: Spoken, understood: Understood) -> list[bool]:
    """What is held of a voice and an ear that died, each at one chunk."""
    report = Report("failover", {})
    speech_failover._tell_voices(report, {("dies", "azure"): {0: GOOD, 1: spoken}})
    speech_failover._tell_ears(report, {("dies", "azure"): {0: HEARD, 1: understood}})
    assert report.figures["voices"]["dies/azure"]["standby p50"] == 60.0
    assert len(report.lines) == 6
    return list(report.promises.values())


def test_what_is_promised_of_failing_speech() -> None:
    assert promises(GOOD, HEARD) == [True] * 5
    assert promises(Spoken(400.0, 0, 0, 300.0, 30.0, 60.0, 390.0), HEARD)[0] is False
    assert promises(Spoken(400.0, 0, 0, 450.0, 1.0, 60.0, 511.0), HEARD)[1] is False
    assert promises(Spoken(400.0, 1, 0, 300.0, 1.0, 60.0, 361.0), HEARD)[2] is False
    assert promises(GOOD, Understood(speech_failover.TEXT, ["embedded"], 2.0, 600.0, 700.0))[3] is False
    assert promises(GOOD, Understood("Your appointment", ["embedded"], 2.0, 150.0, 200.0))[4] is False
