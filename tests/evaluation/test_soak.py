import numpy as np
import pytest

from lerobot_anchorvla import cli
from lerobot_anchorvla.commands import CommandError
from lerobot_anchorvla.evaluation import soak
from lerobot_anchorvla.evaluation.soak import SoakConfig, check_finite, run_soak
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.tasks import TASKS
from lerobot_anchorvla.sim.world import World

SHORT = {"base": "planar", "episodes": 3, "episode_length": 3, "warm_up": 1, "image_size": 8}


@pytest.fixture
def memory(monkeypatch):
    """Makes the process appear to have these many MB at the start, after the warm-up and at the end."""

    def pretend(*sizes: float) -> None:
        left = list(sizes)
        monkeypatch.setattr(soak, "resident_memory", lambda: left.pop(0))

    return pretend


def test_episodes_ticks_and_memory_are_counted(memory, capsys):
    memory(100.0, 150.0, 160.0)
    report = run_soak(SoakConfig(**SHORT))
    assert (report.episodes, report.ticks) == (3, 9)
    assert report.growth == pytest.approx(10)
    shown = capsys.readouterr().out
    assert "3 episodes, 9 ticks, 0 falls, 0 successes" in shown
    assert "100.0 MB at the start, 150.0 MB after the warm-up, 160.0 MB at the end" in shown


def test_memory_that_grows_too_much_fails_with_exit_code_1(memory, capsys):
    memory(100.0, 150.0, 171.0)
    assert cli.run(["soak", *(f"--{name}={value}" for name, value in SHORT.items())]) == 1
    captured = capsys.readouterr()
    assert "171.0 MB at the end" in captured.out
    assert "resident memory grew by 21.0 MB in 2 episodes after the warm-up" in captured.err


def test_a_number_that_is_not_finite_fails_with_the_seed(monkeypatch):
    monkeypatch.setattr(World, "state", lambda world: np.full(9, np.nan))
    with pytest.raises(CommandError, match="agent_pos is not finite in the episode of seed 7"):
        run_soak(SoakConfig(**SHORT, seed=7))


def test_physics_that_diverged_and_were_started_afresh_fail(env, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log into the folder that it runs in
    observation, _ = env.reset(seed=0)
    check_finite(env, observation, "this test")
    env.world.data.qvel[0] = np.nan
    observation, *_ = env.step(np.zeros(9, np.float32))
    assert np.isfinite(env.world.data.qvel).all()
    with pytest.raises(CommandError, match="the physics diverged in this test"):
        check_finite(env, observation, "this test")


def test_the_robot_starts_within_reach_of_the_furniture(env):
    distances = []
    for seed in range(5):
        soak._reset_near_target(env, seed, np.random.default_rng(seed))
        position, _ = env.world.task.target(env.world.data)
        distances.append(float(np.linalg.norm(position[:2] - env.world.base.pose(env.world.data)[:2])))
    low, high = soak.START_DISTANCES
    assert low - 0.01 < min(distances) < max(distances) < high + 0.01
    assert max(distances) - min(distances) > 0.1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"episodes": 0}, "episodes must be at least 1, got 0"),
        ({"episodes": 50}, "warm_up=100 leaves no episode to measure"),
        ({"warm_up": 0}, "warm_up must be at least 1, got 0"),
        ({"image_size": 3}, "image_size must be at least 4, got 3"),
        ({"base": "wheels"}, "base must be one of"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SoakConfig(**fields)


@pytest.mark.slow
@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("task", TASKS)
def test_twenty_episodes_of_random_actions(task, base):
    report = run_soak(SoakConfig(task=task, base=base, episodes=20, warm_up=5, max_growth=20))
    assert report.episodes == 20
    assert 20 < report.ticks <= 20 * 30
