import numpy as np
import pytest

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.experts import make_expert, mode_names
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

MODES = mode_names("open_drawer")


@pytest.fixture(scope="module")
def world():
    return World(WorldOptions(base="planar"))


@pytest.fixture(scope="module")
def walking_world():
    return World(WorldOptions(base="legged"))


def play(world, mode, seed, ticks=450):
    """Ticks until the drawer has been open for one second, or None; and the observations and actions."""
    world.reset(np.random.default_rng(seed))
    expert = make_expert("open_drawer", mode)
    held, trace = 0, []
    for tick in range(ticks):
        state, target = world.state(), world.target()
        action = expert.act(state, target)
        trace.append((state, target, action))
        world.step(action)
        held = held + 1 if world.progress() > world.task.goal else 0
        if held >= 15:
            return tick + 1, trace
    return None, trace


@pytest.mark.parametrize("mode", MODES)
def test_opens_the_drawer_in_every_mode(world, mode):
    ticks, trace = play(world, mode, seed=11)
    assert ticks is not None and ticks < 200
    actions = np.array([action for _, _, action in trace])
    assert (actions >= signals.ACTION_LOW - 30).all() and np.isfinite(actions).all()


@pytest.mark.parametrize("mode", MODES)
def test_opens_the_drawer_on_a_walking_base(walking_world, mode):
    ticks, _ = play(walking_world, mode, seed=11)
    assert ticks is not None and ticks < 150


def test_has_no_memory(world):
    """Asked again in another order, by another instance, it answers the same."""
    _, trace = play(world, "left-arm", seed=3)
    fresh = make_expert("open_drawer", "left-arm")
    for state, target, action in reversed(trace):
        np.testing.assert_array_equal(fresh.act(state, target), action)


def test_modes_differ_in_where_the_robot_stands_and_in_what_pulls(world):
    def when_half_open(mode):
        _, trace = play(world, mode, seed=5)
        return next((s, t) for s, t, _ in trace if t[8] > 0.06)

    headings = {
        side: np.arctan2(*when_half_open(f"{side}-base")[1][[4, 3]]) for side in ("left", "centre", "right")
    }
    assert headings["left"] > 0.2 > headings["centre"] > -0.2 > headings["right"]
    backing = {pull: when_half_open(f"centre-{pull}")[0][6] for pull in ("base", "arm")}
    assert backing["base"] < -0.1 < backing["arm"]


def test_a_lost_handle_is_taken_again(world):
    """The gripper is forced open while it pulls; the expert must find its way back without a reset."""
    world.reset(np.random.default_rng(2))
    expert = make_expert("open_drawer", "centre-base")
    lost = 0
    for _ in range(450):
        action = expert.act(world.state(), world.target())
        if 0.03 < world.progress() < 0.06 and lost < 10:
            action[5], action[6:] = 60.0, [-0.2, 0, 0]
            lost += 1
        world.step(action)
    assert lost > 0
    assert world.progress() > world.task.goal


def test_unknown_mode_names_the_valid_ones():
    with pytest.raises(ValueError, match=r"mode.*left-base.*'sideways'"):
        make_expert("open_drawer", "sideways")


@pytest.mark.slow
@pytest.mark.parametrize("base", ["planar", "legged"])
def test_succeeds_from_nearly_every_start(base):
    world = World(WorldOptions(base=base))
    results = [play(world, MODES[i % len(MODES)], seed=5000 + i, ticks=300)[0] for i in range(60)]
    assert sum(ticks is not None for ticks in results) >= 59
