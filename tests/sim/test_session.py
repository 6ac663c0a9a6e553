"""Episodes one after the other, with the seeds of the Gymnasium environment."""

import logging

import numpy as np
import pytest

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.sim import live
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.experts import make_expert
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.session import AT_REST, Session
from lerobot_anchorvla.sim.signals import ACTION_HIGH, ACTION_LOW

PLANAR = WorldOptions(base="planar")


def actions(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(ACTION_LOW, ACTION_HIGH, (count, 9))


@pytest.mark.parametrize("base", BASES)
def test_each_episode_is_the_environments_of_that_seed(base):
    session = Session(WorldOptions(base=base), seed=5)
    env = Go2SO101Env(base=base, image_height=4, image_width=4)
    for seed in (5, 6):
        assert (session.seed, session.ticks) == (seed, 0)
        env.reset(seed=seed)
        for action in actions(10, seed):
            session.step(action)
            observation, *_ = env.step(action.astype(np.float32))
        np.testing.assert_array_equal(session.world.state().astype(np.float32), observation["agent_pos"])
        session.reset()
    env.close()


def test_what_is_executed_is_within_the_limits_and_can_be_stored():
    session = Session(PLANAR, seed=0)
    np.testing.assert_array_equal(session.command, AT_REST)
    executed = session.step(10 * ACTION_HIGH)
    np.testing.assert_array_equal(executed, ACTION_HIGH.astype(np.float32))
    assert executed.dtype == np.float32
    assert session.command is executed
    session.reset()
    np.testing.assert_array_equal(session.command, AT_REST)


def test_success_is_told_once_and_remembered(caplog):
    caplog.set_level(logging.INFO)
    session = Session(PLANAR, seed=0)
    expert = make_expert("open_drawer", "centre-base")
    while session.ticks < 300 and not session.succeeded:
        session.step(expert.act(session.world.state(), session.world.target()))
    assert session.succeeded
    done_after = session.ticks
    session.world.data.joint("drawer_slide").qpos[:] = 0  # somebody closes it again
    session.step(AT_REST)
    assert not session.world.succeeded()
    assert session.succeeded
    told = [record.getMessage() for record in caplog.records if "done after" in record.getMessage()]
    assert len(told) == 1
    assert f"Seed 0: done after {done_after / 15:.1f} s" in told[0]
    session.reset()
    assert not session.succeeded


def test_a_robot_that_fell_stays_where_it_is_until_the_reset(caplog, monkeypatch):
    session = Session(PLANAR, seed=0)
    monkeypatch.setattr(session.world.base, "fallen", lambda data: data.time > 0.1)
    first, second, third = actions(3)
    session.step(first)
    assert not session.fallen
    executed = session.step(second)
    assert session.fallen
    assert "Seed 0: the robot fell after 0.1 s" in caplog.text
    data = session.world.data
    before = data.qpos.copy(), data.time, session.ticks
    np.testing.assert_array_equal(session.step(third), [*executed[:6], 0, 0, 0])
    np.testing.assert_array_equal(data.qpos, before[0])
    assert (data.time, session.ticks) == before[1:]
    assert caplog.text.count("fell") == 1
    session.reset()
    assert not session.fallen
    assert session.seed == 1


def test_the_live_session_is_the_only_one():
    with pytest.raises(RuntimeError, match=r"0 are connected.*robot\.type=go2_so101_sim"):
        live.live_session()
    first, second = (Session(PLANAR, seed) for seed in (0, 1))
    live.publish(first)
    assert live.live_session() is first
    live.publish(second)
    with pytest.raises(RuntimeError, match="2 are connected"):
        live.live_session()
    live.withdraw(first)
    assert live.live_session() is second
    live.withdraw(second)
