from __future__ import annotations

from app.simulator.faults import Faults, FaultyLink


def through(faults: Faults, count: int = 200) -> list[tuple[float, str]]:
    """Frames 0, 1, … sent every 20 ms, and when they arrived, in milliseconds."""
    link = FaultyLink(faults, 0.0)
    arrivals: list[tuple[float, str]] = []
    for number in range(count + 50):
        now = number * 0.02
        if number < count:
            link.media(str(number), now)
        arrivals += [(number * 20.0, message) for message in link.arrived(now)]
    return arrivals


def test_a_good_network_changes_nothing() -> None:
    assert through(Faults(), 3) == [(0.0, "0"), (20.0, "1"), (40.0, "2")]


def test_delay_is_the_same_for_all() -> None:
    assert through(Faults(delay_ms=100), 2) == [(100.0, "0"), (120.0, "1")]


def test_loss_and_repetition_come_as_often_as_asked_and_as_seeded() -> None:
    lost = through(Faults(drop=0.1, seed=3))
    assert 160 <= len(lost) <= 195
    assert lost == through(Faults(drop=0.1, seed=3))
    assert lost != through(Faults(drop=0.1, seed=4))
    doubled = [message for _, message in through(Faults(duplicate=0.1))]
    assert 205 <= len(doubled) <= 240
    assert sorted(set(doubled), key=int) == [str(number) for number in range(200)]


def test_disorder_swaps_neighbours_and_loses_nothing() -> None:
    arrived = [int(message) for _, message in through(Faults(reorder=0.1))]
    assert arrived != sorted(arrived)
    assert sorted(arrived) == list(range(200))
    assert all(abs(number - place) <= 2 for place, number in enumerate(arrived))


def test_a_standstill_holds_everything_back_and_then_lets_it_go_in_order() -> None:
    arrivals = through(Faults(stall_at_ms=1000, stall_for_ms=500))
    assert [message for _, message in arrivals] == [str(number) for number in range(200)]
    assert not [at for at, _ in arrivals if 1000 <= at < 1500]
    assert len([at for at, _ in arrivals if at == 1500.0]) == 26


def test_marks_can_be_late_while_media_is_not() -> None:
    link = FaultyLink(Faults(mark_delay_ms=300), 0.0)
    link.mark("mark", 0.0)
    link.media("media", 0.0)
    assert link.arrived(0.0) == ["media"]
    assert link.arrived(0.28) == []
    assert link.arrived(0.3) == ["mark"]


def test_a_network_is_lost_at_its_time() -> None:
    link = FaultyLink(Faults(lose_at_ms=500), 10.0)
    assert not link.lost(10.48)
    assert link.lost(10.5)
