from __future__ import annotations

from scripts.benches import speech_failover
from scripts.benches.report import Report
from tests.providers.fakes.speech_sweep import ROWS, SILENT_ROW, Spoken, Understood

GOOD = Spoken(400.0, 0, 0, 300.0, 1.0, 60.0, 361.0)
HEARD = Understood(speech_failover.TEXT, ["embedded"], 2.0, 150.0, 200.0)


UNREACHABLE = Understood(speech_failover.TEXT, ["embedded"], -390.0, 560.0, 60.0)
STALLED = Spoken(0.0, 0, 0, 1000.0, 1.0, 60.0, 1061.0)


def broken(
    spoken: Spoken = GOOD,
    understood: Understood = HEARD,
    *,
    stalled: Spoken = STALLED,
    unreachable: Understood = UNREACHABLE,
) -> list[str]:
    """What does not hold of a voice and an ear that died, each at one chunk, and of two that never began."""
    report = Report("failover", {})
    speech_failover._tell_voices(
        report, {("dies", "azure"): {0: GOOD, 1: spoken}, ("stalls", "azure"): {-3: stalled, 0: stalled}}
    )
    speech_failover._tell_ears(
        report, {("dies", "azure"): {0: HEARD, 1: understood}, ("429", "openai"): {0: unreachable}}
    )
    assert report.figures["voices"]["dies/azure"]["standby p50"] == 60.0
    assert len(report.lines) == 9
    return [promise for promise, kept in report.promises.items() if not kept]


def test_what_is_promised_of_failing_speech() -> None:
    assert broken() == []
    for kept, what in [
        (broken(Spoken(400.0, 0, 0, 300.0, 30.0, 60.0, 390.0)), "voices switched"),
        (broken(Spoken(400.0, 0, 0, 450.0, 1.0, 60.0, 511.0)), "gaps of a voice"),
        (broken(Spoken(400.0, 1, 0, 300.0, 1.0, 60.0, 361.0)), "no word lost or said twice by voices"),
        (broken(stalled=Spoken(0.0, 0, 0, 1300.0, 1.0, 60.0, 1361.0)), "of one that stalls before"),
        (broken(GOOD, Understood(speech_failover.TEXT, ["embedded"], 2.0, 600.0, 700.0)), "words of an ear"),
        (
            broken(GOOD, Understood("Your appointment", ["embedded"], 2.0, 150.0, 200.0)),
            "no word lost or heard",
        ),
        (broken(unreachable=HEARD), "an ear that cannot be had"),
    ]:
        assert [promise.startswith(what) for promise in kept] == [True], what


def test_every_fault_is_met_by_voices_and_by_ears() -> None:
    assert set(speech_failover.EAR_ROWS) == {*ROWS, SILENT_ROW}
