"""The embedded world behind LeRobot's robot interface."""

import subprocess
import sys
from dataclasses import dataclass

import draccus
import numpy as np
import pytest
import torch
from lerobot.robots.config import RobotConfig
from lerobot.robots.utils import make_robot_from_config
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.robots.go2_so101_sim import Go2SO101Sim, Go2SO101SimConfig
from lerobot_anchorvla.sim.live import live_session
from lerobot_anchorvla.sim.signals import ACTION_HIGH, ACTION_LOW, ACTION_NAMES, ARM_REST, STATE_NAMES


@dataclass
class Command:
    robot: RobotConfig


SIZE = {"image_height": 24, "image_width": 32}


@pytest.fixture
def robot(tmp_path):
    robot = make_robot_from_config(Go2SO101SimConfig(calibration_dir=tmp_path, seed=7, **SIZE))
    robot.connect()
    yield robot
    if robot.is_connected:
        robot.disconnect()


def named(values) -> dict[str, float]:
    return dict(zip(ACTION_NAMES, map(float, values), strict=True))


def test_lerobot_makes_it_from_the_command_line(tmp_path):
    arguments = ["type=go2_so101_sim", "seed=3", "disturbances.scale=1", f"calibration_dir={tmp_path}"]
    config = draccus.parse(Command, args=[f"--robot.{argument}" for argument in arguments]).robot
    robot = make_robot_from_config(config)
    assert isinstance(robot, Go2SO101Sim)
    assert (config.type, config.seed, config.disturbances.scale) == (robot.name, 3, 1)


def test_features_are_known_before_it_connects_and_are_those_of_the_demonstrations(tmp_path):
    robot = Go2SO101Sim(Go2SO101SimConfig(calibration_dir=tmp_path, **SIZE))
    assert not robot.is_connected
    assert robot.action_features == dict.fromkeys(ACTION_NAMES, float)
    assert list(robot.observation_features) == [*STATE_NAMES, "front", "wrist"]
    assert robot.observation_features["wrist"] == (24, 32, 3)
    assert len(robot.cameras) == 2
    assert all(name.endswith((".pos", ".vel")) for name in STATE_NAMES)  # lerobot-rollout drops others


def test_it_shows_and_does_what_the_environment_of_that_seed_does(robot):
    env = Go2SO101Env(**SIZE)
    expected, _ = env.reset(seed=7)
    rng = np.random.default_rng(0)
    for _ in range(5):
        observation = robot.get_observation()
        assert {key: type(observation[key]) for key in STATE_NAMES} == dict.fromkeys(STATE_NAMES, float)
        state = np.array([observation[name] for name in STATE_NAMES], np.float32)
        np.testing.assert_array_equal(state, expected["agent_pos"])
        for camera in ("front", "wrist"):
            np.testing.assert_array_equal(observation[camera], expected["pixels"][camera])
        action = rng.uniform(ACTION_LOW, ACTION_HIGH).astype(np.float32)
        robot.send_action(named(action))
        expected, *_ = env.step(action)
    env.close()


def test_the_action_becomes_what_was_executed(robot):
    action = {"x.vel": torch.tensor(5.0), "gripper.pos": 30.0}
    executed = robot.send_action(action)
    expected = named([*ARM_REST[:5], 30.0, np.float32(0.4), 0.0, 0.0])
    assert executed == action == expected
    assert list(executed) == ACTION_NAMES
    assert live_session().ticks == 1
    assert robot.send_action({}) == named([*ARM_REST[:5], 30.0, 0.0, 0.0, 0.0])


def test_a_refused_action_moves_nothing(robot):
    for action, named_key in (({"y.vel": float("nan")}, "y.vel"), ({"arm_gripper.pos": 1.0}, "arm_gripper")):
        with pytest.raises(ValueError, match=named_key):
            robot.send_action(action)
    assert live_session().ticks == 0


def test_it_refuses_to_work_unconnected_and_begins_again_when_it_connects(robot):
    with pytest.raises(DeviceAlreadyConnectedError):
        robot.connect()
    start = robot.get_observation()
    robot.send_action({"x.vel": 0.4})
    live_session().reset()
    assert robot.send_action({}) == named([*ARM_REST, 0, 0, 0])
    robot.disconnect()
    for use in (robot.get_observation, lambda: robot.send_action({}), robot.disconnect):
        with pytest.raises(DeviceNotConnectedError):
            use()
    robot.connect()
    assert live_session().seed == 7
    again = robot.get_observation()
    assert all(np.array_equal(start[key], again[key]) for key in start)


@pytest.mark.parametrize(
    ("wrong", "named_field"),
    [
        ({"task": "sweep"}, "robot.task"),
        ({"base": "wheels"}, "robot.base"),
        ({"seed": -1}, "robot.seed"),
        ({"image_width": 0}, "robot.image_width"),
        ({"image_height": 5000}, "robot.image_height"),
        ({"image_height": 64.5}, "robot.image_height"),
    ],
)
def test_wrong_options_are_refused_by_name(wrong, named_field):
    with pytest.raises(ValueError, match=f"{named_field} must be .*{next(iter(wrong.values()))}"):
        Go2SO101SimConfig(**wrong)


def test_the_viewer_needs_a_display(tmp_path, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(RuntimeError, match=r"robot\.viewer=true needs a display"):
        Go2SO101Sim(Go2SO101SimConfig(calibration_dir=tmp_path, viewer=True))


@pytest.mark.slow
def test_only_who_makes_the_robot_needs_mujoco():
    script = (
        "import sys; sys.modules['mujoco'] = None\n"
        "import lerobot_anchorvla.register\n"
        "from lerobot.robots.utils import make_robot_from_config\n"
        "from lerobot_anchorvla.robots.go2_so101_sim import Go2SO101SimConfig\n"
        "config = Go2SO101SimConfig()\n"
        "try:\n"
        "    make_robot_from_config(config)\n"
        "except ValueError as error:\n"  # LeRobot's, around the ImportError
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert "pip install 'lerobot_policy_anchorvla[sim]'" in done.stdout, done.stderr
