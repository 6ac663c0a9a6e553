import pytest

from lerobot_anchorvla.evaluation.experts import (
    Attempt,
    ExpertsConfig,
    ExpertsReport,
    evaluate_experts,
    play,
)
from lerobot_anchorvla.sim.experts import mode_names
from lerobot_anchorvla.sim.world import World


@pytest.fixture(scope="module")
def world():
    return World()


def test_episodes_count_seeds_up_and_take_the_modes_in_turn():
    plan = ExpertsConfig(episodes=8, seed=5).plan
    assert [seed for seed, _ in plan] == list(range(5, 13))
    modes = mode_names("open_drawer")
    assert [mode for _, mode in plan] == [*modes, *modes[:2]]
    assert {mode for _, mode in ExpertsConfig(mode="left-arm").plan} == {"left-arm"}


def test_an_attempt_ends_with_its_success(world):
    attempt = play(world, seed=11, mode="centre-base")
    assert attempt.success and not attempt.fallen
    assert 60 < attempt.ticks < 200 and attempt.progress > world.task.goal


def test_an_attempt_ends_with_its_time(world):
    attempt = play(world, seed=11, mode="centre-base", episode_length=7)
    assert not attempt.success and attempt.ticks == 7


def test_an_attempt_ends_with_a_fall(world, monkeypatch):
    monkeypatch.setattr(world.base, "fallen", lambda data: data.time > 0.3)
    attempt = play(world, seed=11, mode="centre-base")
    assert attempt.fallen and not attempt.success and attempt.ticks == 5


def test_the_report_names_rates_falls_and_every_attempt_that_failed():
    attempts = [
        Attempt(3, "left", True, False, 90, 0.2),
        Attempt(4, "right", False, True, 40, 0.01),
        Attempt(5, "left", True, False, 110, 0.2),
    ]
    report = ExpertsReport(attempts)
    assert (report.success.successes, report.success.trials) == (2, 3)
    assert {mode: (rate.successes, rate.trials) for mode, rate in report.by_mode.items()} == {
        "left": (2, 2),
        "right": (0, 1),
    }
    text = str(report)
    assert "falls: 1" in text and "median 100, longest 110" in text
    assert "seed 4, right: fell over at tick 40, progress 0.010 m" in text
    assert "seed 3" not in text


@pytest.mark.parametrize(
    ("field", "value"), [("task", "juggle"), ("mode", "sideways"), ("episodes", 0), ("seed", -1)]
)
def test_a_wrong_value_is_named(field, value):
    with pytest.raises(ValueError, match=rf"{field} .*{value}"):
        ExpertsConfig(**{field: value})


@pytest.mark.slow
def test_processes_give_what_one_world_gives(world, capsys):
    config = ExpertsConfig(episodes=3, seed=20, workers=2)
    report = evaluate_experts(config)
    assert report.attempts == [play(world, seed, mode) for seed, mode in config.plan]
    assert str(report) in capsys.readouterr().out
