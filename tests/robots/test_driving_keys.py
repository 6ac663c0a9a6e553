"""What LeRobot's teleoperators send, turned into the robot's own action."""

import numpy as np
import pytest
import torch

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.robots.driving_keys import REACH_HIGH, REACH_LOW, to_robot_action
from lerobot_anchorvla.sim.signals import ACTION_NAMES, ARM_REST, VELOCITY_LIMITS, arm_to_radians

STILL = np.zeros(3)


def grasp_point(arm: np.ndarray) -> np.ndarray:
    return so101.forward(arm_to_radians(arm)[:5])[:3, 3]


def pushed(ticks: int, held: np.ndarray = ARM_REST, **keys: float) -> tuple[np.ndarray, np.ndarray]:
    """Joint targets (6,) and velocity (3,) after that many ticks of a pushed stick."""
    push = {"delta_x": 0.0, "delta_y": 0.0, "delta_z": 0.0, **keys}
    for _ in range(ticks):
        action = to_robot_action(push, held)
        held = action[:6]
    return held, action[6:]


def test_the_robots_own_keys_pass_and_the_missing_ones_hold_or_stand():
    action = to_robot_action({"elbow_flex.pos": torch.tensor(40.0), "x.vel": np.float32(0.25)}, ARM_REST)
    expected = dict(zip(ACTION_NAMES, [*ARM_REST, *STILL], strict=True))
    expected |= {"elbow_flex.pos": 40.0, "x.vel": 0.25}
    np.testing.assert_array_equal(action, list(expected.values()))
    np.testing.assert_array_equal(to_robot_action({}, ARM_REST), [*ARM_REST, *STILL])


def test_letters_drive_the_base_as_they_drive_lekiwi():
    def drive(*pressed):
        return to_robot_action(dict.fromkeys(pressed), ARM_REST)

    np.testing.assert_array_equal(drive("w"), [*ARM_REST, 0.3, 0, 0])
    np.testing.assert_array_equal(drive("a", "z"), [*ARM_REST, 0, 0.15, 0.5])
    np.testing.assert_array_equal(drive("w", "s", "d", "x"), [*ARM_REST, 0, -0.15, -0.5])
    np.testing.assert_array_equal(drive("k", object()), [*ARM_REST, *STILL])  # a key without a meaning


def test_a_rovers_velocities_are_shares_of_the_limits():
    action = to_robot_action({"linear_velocity": -1.0, "angular_velocity": 0.5}, ARM_REST)
    np.testing.assert_allclose(action, [*ARM_REST, -VELOCITY_LIMITS[0], 0, 0.5 * VELOCITY_LIMITS[2]])


@pytest.mark.parametrize(("gripper", "change"), [(0, -4), (1, 0), (2, 4), (-1, 0)])
def test_the_gripper_closes_stays_and_opens(gripper, change):
    held = np.array([*ARM_REST[:5], 50.0])
    action = to_robot_action({"delta_x": 0, "delta_y": 0, "delta_z": 0, "gripper": gripper}, held)
    np.testing.assert_array_equal(action, [*ARM_REST[:5], 50.0 + change, *STILL])


@pytest.mark.parametrize(("axis", "key"), enumerate(("delta_x", "delta_y", "delta_z")))
@pytest.mark.parametrize("sign", [1, -1])
def test_a_push_moves_the_grasp_point_along_that_axis(axis, key, sign):
    ready, _ = pushed(20, delta_x=1e-3)  # unfolded, and held still
    before = grasp_point(ready)
    after, velocity = pushed(4, ready, **{key: sign})  # 0.15 m/s for 4/15 s
    moved = grasp_point(after) - before
    np.testing.assert_allclose(np.delete(moved, axis), 0, atol=0.006)
    assert sign * moved[axis] == pytest.approx(0.04, abs=0.008)
    np.testing.assert_array_equal(velocity, STILL)


def test_the_base_walks_where_the_arm_ends():
    held, velocity = pushed(40, delta_x=1.0, delta_y=-1.0)
    np.testing.assert_allclose(velocity, [0.15, -0.15, 0])
    np.testing.assert_allclose(grasp_point(held)[:2], [REACH_HIGH[0], REACH_LOW[1]], atol=0.01)
    _, velocity = pushed(1, held, delta_x=-1.0, delta_y=1.0)
    np.testing.assert_array_equal(velocity, STILL)


def test_a_folded_arm_unfolds_without_a_jump_and_without_walking_off():
    for push in ({"delta_x": 1.0}, {"delta_z": -1.0}):
        held, velocity = pushed(1, **push)
        assert np.abs(held[:5] - ARM_REST[:5]).max() <= 8.0 + 1e-9
        np.testing.assert_array_equal(velocity, STILL)


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"x.vel": float("nan")}, "x.vel"),
        ({"gripper.pos": float("inf")}, "gripper.pos"),
        ({"y.vel": None, "x.vel": 0.0}, "y.vel"),
        ({"wrist_roll.pos": torch.zeros(2)}, "wrist_roll.pos"),
        ({"linear_velocity": float("nan"), "angular_velocity": 0.0}, "linear_velocity"),
        ({"delta_x": 0.0, "delta_y": "left", "delta_z": 0.0}, "delta_y"),
    ],
)
def test_what_is_no_finite_number_is_refused_by_name(action, named):
    with pytest.raises(ValueError, match=f"{named}.*finite number"):
        to_robot_action(action, ARM_REST)


@pytest.mark.parametrize(
    "action",
    [{"elbow.pos": 1.0}, {"x.vel": 0.1, "linear_velocity": 1.0, "angular_velocity": 0.0}, {"delta_x": 1.0}],
)
def test_unknown_keys_are_refused_by_name(action):
    wrong = next(key for key in action if key not in ACTION_NAMES)
    with pytest.raises(ValueError, match=f"unknown action keys.*{wrong}.*x.vel"):
        to_robot_action(action, ARM_REST)
