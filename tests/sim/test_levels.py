"""The levels in the world: what the instruction names, what the robot sees, what the switches change."""

import itertools

import mujoco
import numpy as np
import pytest

from lerobot_anchorvla.evaluation.experts import play
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.experts import mode_names
from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.scene import VISIBLE_GROUPS
from lerobot_anchorvla.sim.signals import STATE_NAMES
from lerobot_anchorvla.sim.tasks.naming import prefix
from lerobot_anchorvla.sim.world import World

TASKS = ("open_drawer", "lift_bag")
HANDLES = {"open_drawer": "handle", "lift_bag": "handle_bar"}
SWITCHES = ("random_appearance", "random_lighting", "random_wording")


@pytest.fixture(scope="module", params=itertools.product(TASKS, LEVELS, BASES), ids="-".join)
def world(request):
    task, level, base = request.param
    world = World(WorldOptions(task=task, level=level, base=base))
    yield world
    world.close()


@pytest.fixture(scope="module", params=TASKS)
def hard(request):
    world = World(WorldOptions(task=request.param, level="hard", base="planar"))
    yield world
    world.close()


def reset(world, seed, **options):
    world.reset(np.random.default_rng(seed), **options)
    return world


def other(named):
    """What the instruction could have named instead."""
    pairs = ("upper", "lower"), ("red", "blue")
    swap = dict(pairs) | {second: first for first, second in pairs}
    adjective, noun = named.split()
    return f"{swap[adjective]} {noun}"


def test_the_target_is_the_handle_that_the_instruction_names(world):
    for seed in range(5):
        task = reset(world, seed).task
        assert task.instruction.endswith(task.named)
        position, heading = task.target(world.data)
        handle = world.data.geom(prefix(task.named) + HANDLES[task.name])
        np.testing.assert_allclose(position, handle.xpos, atol=1e-9)
        ahead, bar = np.array([np.cos(heading), np.sin(heading), 0]), handle.xmat.reshape(3, 3)[:, 2]
        assert ahead @ bar == pytest.approx(0, abs=1e-9)  # it is faced across its bar


def test_the_target_is_seen_from_where_an_episode_starts(world):
    """It is within the front camera's image and nothing stands before it."""
    groups = np.zeros(mujoco.mjNGROUP, np.uint8)
    groups[list(VISIBLE_GROUPS["front"])] = 1
    for seed in range({"planar": 40, "legged": 10}[world.options.base]):  # it takes a while to settle
        reset(world, seed)
        handle = world.model.geom(prefix(world.task.named) + HANDLES[world.task.name]).id
        camera = world.data.cam("front")
        way = world.data.geom_xpos[handle] - camera.xpos
        right, up, backwards = camera.xmat.reshape(3, 3).T @ way
        edge = np.tan(np.deg2rad(world.model.cam("front").fovy[0] / 2)) * -backwards
        assert max(abs(right), abs(up)) < 0.97 * edge
        hit = np.full(1, -1, np.int32)
        mujoco.mj_ray(world.model, world.data, camera.xpos, way, groups, 1, -1, hit)
        assert hit[0] == handle


def test_opening_the_wrong_drawer_or_lifting_the_wrong_bag_is_no_progress(hard):
    reset(hard, 3)
    for named, counts in ((other(hard.task.named), False), (hard.task.named, True)):
        if hard.task.name == "open_drawer":
            hard.data.joint(f"{prefix(named)}drawer_slide").qpos[:] = 0.2
        else:
            hard.data.joint(f"{prefix(named)}bag").qpos[2] = 0.2
        mujoco.mj_forward(hard.model, hard.data)
        assert (hard.progress() > hard.task.goal) == counts


def test_both_targets_are_named_in_turn(hard):
    assert len({reset(hard, seed).task.instruction for seed in range(20)}) == 2


def test_at_hard_the_robot_starts_at_the_wanted_distance(hard):
    for seed in range(20):
        base, (target, _) = reset(hard, seed).base.pose(hard.data), hard.task.target(hard.data)
        low, high = LEVELS["hard"].start.distance
        assert low <= np.hypot(*(target[:2] - base[:2])) <= high


def test_furniture_and_robot_touch_nothing_but_the_floor(world):
    for seed in range(10):
        reset(world, seed)
        floor = world.model.geom("floor").id
        for contact in world.data.contact:
            assert floor in (contact.geom1, contact.geom2)


@pytest.mark.parametrize(("base", "lean"), [("planar", 1e-9), ("legged", 0.01)])
def test_a_start_that_is_not_random_is_the_middle_of_its_range(base, lean):
    """`lean`: how far a trunk that stands may roll the target aside, in [m]."""
    still = World(WorldOptions(random_start=False, base=base))
    np.testing.assert_allclose(reset(still, 1).base.pose(still.data), 0, atol=1e-12)
    hard = World(WorldOptions(random_start=False, level="hard", base=base))
    for seed in (1, 2):
        target = reset(hard, seed).true_target()
        assert np.arctan2(target[4], target[3]) == pytest.approx(0, abs=1e-9)
        assert target[1] == pytest.approx(0, abs=lean)


@pytest.mark.parametrize("task", TASKS)
def test_no_switch_changes_what_another_draws(task):
    options = {"task": task, "level": "hard", "base": "planar"}
    plain = reset(World(WorldOptions(**options)), 4)
    switched = reset(World(WorldOptions(**options, **dict.fromkeys(SWITCHES, True))), 4)
    np.testing.assert_array_equal(plain.data.qpos, switched.data.qpos)
    np.testing.assert_array_equal(plain.model.geom_pos, switched.model.geom_pos)
    still = reset(World(WorldOptions(**options, random_start=False)), 4)
    np.testing.assert_array_equal(plain.model.geom_pos, still.model.geom_pos)
    drive = np.zeros(len(STATE_NAMES))
    drive[6] = 0.3
    drifts = []
    for world in (plain, still):
        for _ in range(10):
            world.step(drive)
        drifts.append(world.state()[6:])
    np.testing.assert_allclose(*drifts, atol=1e-3)  # the drift of the base, drawn after the start


def test_wordings_are_drawn_only_where_wanted():
    plain, worded = (World(WorldOptions(base="planar", random_wording=drawn)) for drawn in (False, True))
    assert {reset(plain, seed).task.instruction for seed in range(12)} == {"open the drawer"}
    assert len({reset(worded, seed).task.instruction for seed in range(12)}) > 2


@pytest.mark.slow
@pytest.mark.parametrize(("level", "least"), [("moved", 29), ("hard", 27)])
@pytest.mark.parametrize("task", TASKS)
def test_the_expert_succeeds_at_every_level(task, level, least):
    world, modes = World(WorldOptions(task=task, level=level, base="planar")), mode_names(task)
    attempts = [play(world, 7000 + i, modes[i % len(modes)]) for i in range(30)]
    assert sum(attempt.success for attempt in attempts) >= least
