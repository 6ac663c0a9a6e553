"""Counting the actions that came in time."""

import pytest

from lerobot_anchorvla.robots.go2_so101_sim.pace import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def paced(periods: list[float]) -> Pace:
    """Ticks that far apart, in control periods of 1/15 s."""
    clock = Clock()
    pace = Pace(15, clock)
    pace.tick()
    for period in periods:
        clock.now += period / 15
        pace.tick()
    return pace


def test_the_share_is_that_of_the_periods_in_time():
    pace = paced([1.0, 1.0, 0.9, 1.05, 1.5, 3.0, 1.0, 1.0])
    assert pace.share == pytest.approx(6 / 8)
    assert str(pace).startswith(f"8 control periods at {15 * 8 / 10.45:.1f} Hz on average; 75 percent")


def test_a_pause_is_no_period():
    clock = Clock()
    pace = Pace(15, clock)
    for pause in (0.0, 60.0):
        clock.now += pause
        pace.restart()
        for _ in range(3):
            pace.tick()
            clock.now += 1 / 15
    assert str(pace).startswith("4 control periods at 15.0 Hz on average; 100 percent")


def test_nothing_is_counted_before_the_second_action():
    assert str(Pace(15)).startswith("0 control periods")
    assert paced([]).share == 0


@pytest.mark.parametrize(("period", "warnings"), [(1.0, 0), (0.5, 1), (2.0, 0)])
def test_a_loop_that_runs_too_fast_is_told_once_what_to_give(period, warnings, caplog):
    paced([period] * 100)
    assert caplog.text.count("--fps=15 (--dataset.fps=15 when recording)") == warnings
    if warnings:
        assert "Actions come at 30 Hz" in caplog.text
