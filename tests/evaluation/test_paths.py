import subprocess
import sys

import numpy as np
import pytest

from lerobot_anchorvla.evaluation.paths import Camera, chunk_paths
from lerobot_anchorvla.evaluation.replay import replay
from lerobot_anchorvla.evaluation.views import View
from lerobot_anchorvla.sim.signals import ARM_REST, CONTROL_HZ


def test_the_ways_of_chunks_need_no_simulator():
    code = "import sys; import lerobot_anchorvla.evaluation.paths; sys.exit('mujoco' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def chunk(velocity, ticks=15):
    return np.tile([*ARM_REST, *velocity], (ticks, 1))


def test_a_second_of_driving_straight_covers_the_speed():
    paths = chunk_paths(chunk([0.3, 0.0, 0.0]), np.array([1.0, 2.0, np.pi / 2]))
    np.testing.assert_allclose(paths.base[-1], [1.0, 2.3, np.pi / 2], atol=1e-12)


def test_turning_while_driving_follows_a_circle():
    speed, turn = 0.2, 0.5
    paths = chunk_paths(chunk([speed, 0.0, turn], ticks=60), np.zeros(3))
    radius, angle = speed / turn, turn * 60 / CONTROL_HZ
    np.testing.assert_allclose(
        paths.base[-1], [radius * np.sin(angle), radius * (1 - np.cos(angle)), angle], atol=0.01
    )


def test_the_arm_rides_on_the_base():
    still = chunk_paths(chunk([0, 0, 0]), np.zeros(3))
    moved = chunk_paths(chunk([0, 0, 0]), np.array([1.0, -2.0, 0.0]), height=0.3)
    np.testing.assert_allclose(moved.end_effector - still.end_effector, np.tile([1.0, -2.0, 0.3], (15, 1)))


def test_the_executed_chunk_ends_where_the_robot_went(env, expert_traces):
    """The way that a chunk is drawn as is the way that the robot takes, up to its shaking and lag."""
    trace = expert_traces["left-base"]
    start = reached = None
    for tick, _ in enumerate(replay(env, trace)):
        if tick == 20:
            start = env.world.base.pose(env.world.data)
        if tick == 28:
            reached = env.world.base.pose(env.world.data)
    assert start is not None and reached is not None
    predicted = chunk_paths(trace.actions[20:28], start).base[-1]
    assert np.linalg.norm(predicted[:2] - reached[:2]) < 0.05
    assert np.linalg.norm(reached[:2] - start[:2]) > 0.05


def test_a_replayed_episode_repeats_itself_exactly(env, expert_traces):
    trace = expert_traces["right-arm"]
    for tick, observation in enumerate(replay(env, trace)):
        np.testing.assert_allclose(observation["agent_pos"], trace.states[tick], atol=1e-4)


def test_the_projection_of_the_handle_is_dark_where_the_camera_sees_it(env, expert_traces):
    """The handle is the darkest thing on the cabinet, so a wrong projection would hit wood or floor."""
    view = View((0.75, 0, 0.3), azimuth=35, elevation=-32, distance=1.35, height=240, width=320)
    next(iter(replay(env, expert_traces["left-base"])))
    handle = env.world.data.site("handle").xpos[None]
    seen = {
        "free": (view.render(env.world), view.camera(env.world)),
        "front": (env.world.render("front", 240, 320), Camera.of_world(env.world, "front", 240, 320)),
    }
    for image, camera in seen.values():
        x, y = camera.project(handle)[0].round().astype(int)
        assert image[y - 1 : y + 2, x - 1 : x + 2].min() < 0.4 * image[y - 25 : y - 15, x].mean()


def test_points_behind_the_camera_have_no_pixel():
    camera = Camera(np.zeros(3), np.eye(3), np.deg2rad(60), 100, 100)
    pixels = camera.project(np.array([[0, 0, -1.0], [0, 0, 1.0]]))
    assert pixels[0] == pytest.approx([50, 50])
    assert np.isnan(pixels[1]).all()
