import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

FREE = np.array([-3.0, 0.0, 0.0])  # far from the furniture
STRETCHED = np.array([0.0, 35.0, -10.0, -20.0, 0.0, 30.0])


@pytest.fixture(scope="module")
def world():
    return World(WorldOptions(base="legged"))


@pytest.fixture
def standing(world):
    world.reset(np.random.default_rng(0), start=FREE)
    return world


def drive(world, command, seconds, arm=signals.ARM_REST):
    """Body-frame velocities (T, 3) from one tick to the next: the mean over the tick."""
    velocities = []
    for _ in range(round(seconds * signals.CONTROL_HZ)):
        before = world.base.pose(world.data)
        world.step(np.concatenate([arm, command]))
        x, y, turn = (world.base.pose(world.data) - before) * signals.CONTROL_HZ
        cos, sin = np.cos(before[2]), np.sin(before[2])
        velocities.append((cos * x + sin * y, cos * y - sin * x, turn))
    return np.array(velocities)


@pytest.mark.parametrize("arm", [signals.ARM_REST, STRETCHED], ids=["folded", "stretched"])
@pytest.mark.parametrize(
    ("axis", "speed", "share"),
    [
        (0, 0.3, 0.05),
        (0, -0.2, 0.05),
        (1, 0.15, 0.05),
        (1, -0.15, 0.05),
        (2, 0.6, 0.05),
        (2, -0.6, 0.05),
        (0, 0.05, 0.1),
    ],
)
def test_mean_velocity_is_the_commanded_one(standing, axis, speed, share, arm):
    """Within that share of the speed on the commanded axis, and next to nothing on the others."""
    command = np.zeros(3)
    command[axis] = speed
    drive(standing, command, 1.0, arm)
    mean = drive(standing, command, 4.0, arm).mean(axis=0)
    np.testing.assert_allclose(mean[axis], speed, rtol=share, atol=0)
    np.testing.assert_allclose(np.delete(mean, axis), 0, atol=0.015)
    assert not standing.base.fallen(standing.data)


def test_walking_shakes_the_trunk(standing):
    drive(standing, np.array([0.3, 0, 0]), 1.0)
    heights = []
    for _ in range(30):
        drive(standing, np.array([0.3, 0, 0]), 1 / signals.CONTROL_HZ)
        heights.append(standing.data.body("base").xpos[2])
    assert np.ptp(heights) > 5e-3


def test_stands_still_for_seconds(standing):
    drive(standing, np.zeros(3), 5.0)
    x, y, yaw = standing.base.pose(standing.data) - FREE
    assert np.hypot(x, y) < 0.01 and abs(yaw) < 0.06


def test_stops_within_half_a_second(standing):
    drive(standing, np.array([0.3, 0.0, 0.4]), 2.0)
    drive(standing, np.zeros(3), 0.5)
    assert np.abs(drive(standing, np.zeros(3), 1.0)).max() < 0.08


@pytest.mark.parametrize("start", [(0.0, 0.0, 0.0), (-2.0, 1.0, 2.5), (0.4, -0.3, -3.0)])
def test_an_episode_starts_settled_where_it_was_asked_to(world, start):
    world.reset(np.random.default_rng(0), start=np.array(start))
    np.testing.assert_allclose(world.base.pose(world.data), start, atol=1e-9)
    assert world.data.time == 0
    assert np.abs(world.base.velocity(world.data)).max() < 0.05
    assert 0.27 < world.data.body("base").xpos[2] < 0.32
    np.testing.assert_allclose(world.state()[:6], signals.ARM_REST, atol=4.0)


def test_turning_the_start_turns_the_whole_robot(world):
    """Placed after settling: feet, trunk and velocities keep their place within the robot."""
    seen = []
    for yaw in (0.0, 2.0):
        world.reset(np.random.default_rng(0), start=np.array([*FREE[:2], yaw]))
        trunk = world.data.body("base")
        rotation = trunk.xmat.reshape(3, 3)
        feet = [rotation.T @ (world.data.geom(leg).xpos - trunk.xpos) for leg in ("FL", "FR", "RL", "RR")]
        seen.append(np.concatenate([*feet, world.base.velocity(world.data)]))
    np.testing.assert_allclose(seen[0], seen[1], atol=0.01)


def test_settling_leaves_the_furniture_alone(world):
    opening = 0.07
    mujoco.mj_resetData(world.model, world.data)
    world.data.joint("drawer_slide").qpos[:] = opening
    world.data.joint("drawer_slide").qvel[:] = 0.1
    world.base.reset(world.model, world.data, FREE, np.random.default_rng(0))
    assert world.data.joint("drawer_slide").qpos == opening
    assert world.data.joint("drawer_slide").qvel == 0.1


@pytest.mark.parametrize("push", [(0.0, 4.0, 0.0), (3.0, 0.0, 0.0), (-3.0, 0.0, 0.0)])
def test_a_hard_push_is_seen_as_a_fall(standing, push):
    standing.data.qvel[:3] = push  # [m/s]
    fallen = []
    for _ in range(15):
        drive(standing, np.zeros(3), 1 / signals.CONTROL_HZ)
        fallen.append(standing.base.fallen(standing.data))
    assert any(fallen)


def test_a_slight_push_is_stood(standing):
    standing.data.qvel[:3] = [0.0, 1.0, 0.0]
    for _ in range(30):
        drive(standing, np.zeros(3), 1 / signals.CONTROL_HZ)
        assert not standing.base.fallen(standing.data)


@pytest.mark.parametrize(
    "arm", [[90, 35, 0, 0, 0, 55], [-90, 60, -60, 0, 0, 55], [0, 90, -90, 0, 0, 0], [110, 90, -90, 0, 0, 0]]
)
def test_a_flung_arm_does_not_topple_it(standing, arm):
    for swing in range(4):
        pose = np.array(arm, dtype=float) if swing % 2 == 0 else signals.ARM_REST
        drive(standing, np.array([0.3, 0.0, 0.3]), 1.0, pose)
        assert not standing.base.fallen(standing.data)


def walk(world, seed=7, ticks=200):
    """Digest of everything that moves, over an episode of random actions."""
    rng = np.random.default_rng(seed)
    world.reset(rng)
    digest = hashlib.sha256()
    for _ in range(ticks):
        world.step(rng.uniform(-1, 1, 9) * [40, 40, 40, 40, 40, 50, 0.3, 0.15, 0.6])
        digest.update(world.data.qpos.tobytes() + world.data.qvel.tobytes())
    return digest.hexdigest()


def test_an_episode_does_not_depend_on_the_one_before(world):
    first = walk(world)
    world.reset(np.random.default_rng(1))
    drive(world, np.array([0.3, 0.1, 0.5]), 1.1)
    assert walk(world) == first


@pytest.mark.slow
def test_a_seed_gives_the_same_walk_in_every_process(world):
    """Bit for bit, and whatever the number of threads."""
    code = "from test_legged import *; print(walk(World(WorldOptions(base='legged'))))"
    walks = {walk(world)}
    for threads in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
            env={**os.environ, "OMP_NUM_THREADS": threads},
        )
        walks.add(result.stdout.strip())
    assert len(walks) == 1
