import mujoco
import numpy as np
import pytest

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

STANDSTILL = np.concatenate([signals.ARM_REST, np.zeros(3)])


@pytest.fixture(scope="module")
def world():
    return World(WorldOptions(task="lift_bag", base="planar"))


@pytest.fixture
def bag(world):
    """The pose of the bag's free joint (7,), at the start of an episode in which the robot keeps away."""
    world.reset(np.random.default_rng(0), start=[0, 0, 0])
    return world.data.joint("bag").qpos


def upright(world):
    """Cosine of the bag's lean."""
    return world.data.body("bag").xmat[8]


def gap_to_floor(world):
    """Distance of the bag's geoms from the floor, measured by MuJoCo."""
    bag, floor = world.model.body("bag").id, world.model.geom("floor").id
    solid = [g for g in np.flatnonzero(world.model.geom_bodyid == bag) if world.model.geom_contype[g]]
    return min(mujoco.mj_geomDistance(world.model, world.data, floor, g, 2.0, None) for g in solid)


def test_progress_is_the_distance_between_bag_and_floor_in_any_pose(world, bag):
    rng = np.random.default_rng(1)
    for _ in range(50):
        bag[3:] = rng.normal(size=4)
        bag[:3] = [1.6, 0, 0.5]
        mujoco.mj_normalizeQuat(world.model, world.data.qpos)
        mujoco.mj_forward(world.model, world.data)
        assert world.progress() == pytest.approx(gap_to_floor(world), abs=1e-6)
        assert world.progress() > world.task.goal


def test_a_bag_that_is_tipped_over_is_not_lifted(world, bag):
    push = world.data.xfrc_applied[world.model.body("bag").id]
    heights = []
    for _ in range(60):
        push[4] = 0.16 if upright(world) > 0.7 else 0.0  # [N m]
        world.step(STANDSTILL)
        heights.append(world.progress())
    assert abs(upright(world)) < 0.2
    assert max(heights) < 0.01


def test_a_bag_that_is_bumped_rocks_back(world, bag):
    lean = np.deg2rad(20)
    bag[2], bag[3:] = 0.03, [np.cos(lean / 2), 0, np.sin(lean / 2), 0]
    for _ in range(30):
        world.step(STANDSTILL)
    assert upright(world) > 0.999


def test_the_bag_stands_still_when_left_alone(world, bag):
    before = bag.copy()
    for _ in range(45):
        world.step(STANDSTILL)
    np.testing.assert_allclose(bag, before, atol=1e-3)
    assert world.progress() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("lean", [0.0, 0.6])
@pytest.mark.parametrize("yaw", [0.0, -0.4, 2.5])
def test_the_target_turns_with_the_bag_and_not_with_its_lean(world, bag, yaw, lean):
    bag[3:] = [1, 0, 0, 0]
    turn, tilt = np.zeros(4), np.zeros(4)
    mujoco.mju_axisAngle2Quat(turn, [0, 0, 1], yaw)
    mujoco.mju_axisAngle2Quat(tilt, [0, 1, 0], lean)  # about the handle's bar
    mujoco.mju_mulQuat(bag[3:], turn, tilt)
    mujoco.mj_forward(world.model, world.data)
    position, heading = world.task.target(world.data)
    assert heading == pytest.approx(yaw)
    np.testing.assert_allclose(position, world.data.geom("handle_bar").xpos, atol=1e-9)


def test_the_pocket_faces_a_robot_that_faces_the_bag(world, bag):
    position, heading = world.task.target(world.data)
    towards_robot = world.data.geom("bag_pocket").xpos[:2] - position[:2]
    assert towards_robot @ [np.cos(heading), np.sin(heading)] < -0.05


def test_every_episode_begins_with_the_bag_in_its_place(world, bag):
    before = bag.copy()
    bag[:3] = [0.9, 0.5, 0.3]
    world.step(STANDSTILL)
    world.reset(np.random.default_rng(7))
    np.testing.assert_array_equal(world.data.joint("bag").qpos, before)
    np.testing.assert_array_equal(world.data.joint("bag").qvel, 0)
