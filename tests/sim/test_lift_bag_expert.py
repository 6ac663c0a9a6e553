import numpy as np
import pytest

from lerobot_anchorvla.datasets.action_bursts import ActionBursts
from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.experts import make_expert, mode_names
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH
from lerobot_anchorvla.sim.world import World

MODES = mode_names("lift_bag")


@pytest.fixture(scope="module")
def world():
    return World(WorldOptions(task="lift_bag", base="planar"))


@pytest.fixture(scope="module")
def walking_world():
    return World(WorldOptions(task="lift_bag", base="legged"))


def play(world, mode, seed, spoil=lambda action: action):
    """Ticks until the bag has been lifted for one second, or None; and the observations and actions."""
    world.reset(np.random.default_rng(seed))
    expert = make_expert("lift_bag", mode)
    trace = []
    while not world.succeeded() and len(trace) < EPISODE_LENGTH:
        state, target = world.state(), world.target()
        action = expert.act(state, target)
        trace.append((state, target, action))
        world.step(spoil(action))
    return (len(trace) if world.succeeded() else None), trace


@pytest.mark.parametrize("mode", MODES)
def test_lifts_the_bag_in_every_mode(world, mode):
    ticks, trace = play(world, mode, seed=11)
    assert ticks is not None and ticks < 150
    assert world.progress() > 1.5 * world.task.goal
    actions = np.array([action for _, _, action in trace])
    assert (actions >= signals.ACTION_LOW - 30).all() and np.isfinite(actions).all()


def test_the_bag_goes_up_rather_than_along_the_floor(world):
    """A bag that is dragged is knocked over by the first thing in its way."""
    world.reset(np.random.default_rng(4))
    expert = make_expert("lift_bag", "left")
    start = world.data.body("bag").xpos.copy()
    while world.progress() < 0.01:
        assert np.linalg.norm(world.data.body("bag").xpos[:2] - start[:2]) < 0.03
        world.step(expert.act(world.state(), world.target()))


def test_has_no_memory(world):
    """Asked again in another order, by another instance, it answers the same."""
    _, trace = play(world, "left", seed=3)
    fresh = make_expert("lift_bag", "left")
    for state, target, action in reversed(trace):
        np.testing.assert_array_equal(fresh.act(state, target), action)


def test_modes_differ_in_where_the_robot_stands(world):
    def heading_when_grasped(mode):
        _, trace = play(world, mode, seed=5)
        target = next(target for _, target, _ in trace if target[8] > 0.005)
        return np.arctan2(target[4], target[3])

    headings = [heading_when_grasped(mode) for mode in ("left", "centre", "right")]
    assert headings[0] > 0.2 > headings[1] > -0.2 > headings[2]


def test_a_gripper_that_closed_on_nothing_opens_again(world):
    """Beside the handle, near enough to have it between the jaws."""
    _, trace = play(world, "centre", seed=0)
    state, target, action = next(each for each in trace if each[1][8] > 0.03)
    assert action[5] == 0
    state = state.copy()
    state[5] = 0.5
    assert make_expert("lift_bag", "centre").act(state, target)[5] > 10


def test_a_bag_that_was_let_go_is_lifted_again(world):
    """The gripper is forced open when the bag has just left the floor."""
    lost = 0

    def let_go(action):
        nonlocal lost
        if lost or 0.01 < world.progress() < 0.03:
            lost += 1
        return np.concatenate([action[:5], [60.0], np.zeros(3)]) if 0 < lost <= 8 else action

    ticks, _ = play(world, "centre", 2, let_go)
    assert lost > 8
    assert ticks is not None


def test_unknown_mode_names_the_valid_ones():
    with pytest.raises(ValueError, match=r"mode.*left.*'sideways'"):
        make_expert("lift_bag", "sideways")


@pytest.mark.slow
@pytest.mark.parametrize("base", ["world", "walking_world"])
@pytest.mark.parametrize(("bursts", "least"), [(False, 59), (True, 54)])
def test_succeeds_from_nearly_every_start(request, base, bursts, least):
    """Also when its actions are spoilt now and then, as in demonstrations."""
    world = request.getfixturevalue(base)
    successes = 0
    for seed in range(5000, 5060):
        spoil = ActionBursts(np.random.default_rng(seed)).apply if bursts else lambda action: action
        successes += play(world, MODES[seed % len(MODES)], seed, spoil)[0] is not None
    assert successes >= least
