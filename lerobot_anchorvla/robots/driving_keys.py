"""What LeRobot's own teleoperators send, in the terms of the Go2 + SO101.

- `so101_leader` and its like send some of the robot's own keys: the arm moves.
- `keyboard` sends the pressed keys: the base moves, with the letters of LeKiwi.
- `keyboard_rover` sends `linear_velocity` and `angular_velocity`, -1 to 1: the base moves.
- `keyboard_ee` and `gamepad` send `delta_x`, `delta_y` and `delta_z`, -1 to 1, and `gripper`, where 0 closes
  and 2 opens: the gripper moves.

The gripper is moved along the robot's own axes: x ahead, y to the left, z up. Where the arm cannot go further
ahead, back or to a side, the base walks on instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.sim.experts.reaching import joints_for
from lerobot_anchorvla.sim.signals import (
    ACTION_NAMES,
    ARM_NAMES,
    CONTROL_HZ,
    VELOCITY_LIMITS,
    VELOCITY_NAMES,
    arm_to_radians,
)

ROVER_KEYS = {"linear_velocity", "angular_velocity"}
GRIPPER_KEYS = {"delta_x", "delta_y", "delta_z"}
UNDERSTOOD = [*sorted(ROVER_KEYS), *sorted(GRIPPER_KEYS), "gripper"]

LETTERS = {
    "w": (0.3, 0.0, 0.0),
    "s": (-0.3, 0.0, 0.0),
    "a": (0.0, 0.15, 0.0),
    "d": (0.0, -0.15, 0.0),
    "z": (0.0, 0.0, 0.5),
    "x": (0.0, 0.0, -0.5),
}
"""Velocity of the base while a letter is held: x, y [m/s], turn [rad/s]."""

GRIPPER_SPEED = 0.15  # of the grasp point [m/s]
CLOSING_STEP = 4.0  # of the gripper's 0..100, each tick
JOINT_STEP = 8.0  # largest change of a joint in a tick [deg]

# Where the grasp point can be held level, in the arm's base frame [m].
REACH_LOW = np.array([0.24, -0.15, -0.12])
REACH_HIGH = np.array([0.40, 0.15, 0.28])
PAN_AXIS = np.array([0.0388353, 0.0])  # of the shoulder [m]

_IK = so101.InverseKinematics()


def to_robot_action(action: Mapping[Any, Any], held: np.ndarray) -> np.ndarray:
    """The action (9,), see `ACTION_NAMES`, for what a teleoperator or a policy sent.

    Args:
        action: any of the robot's own keys, or all of those that a teleoperator above sends.
        held: joint targets (6,) that are kept where the action says nothing of them.

    Raises:
        ValueError: for an unknown key or a value that is not a finite number, by name.
    """
    keys = set(action)
    if keys - set(ACTION_NAMES):
        if all(value is None for value in action.values()):
            action = _drive_by_letters(keys)
        elif keys == ROVER_KEYS:
            action = _drive(action)
        elif GRIPPER_KEYS <= keys <= GRIPPER_KEYS | {"gripper"}:
            action = _move_gripper(action, held)
        else:
            unknown = sorted(str(key) for key in keys - set(ACTION_NAMES))
            raise ValueError(
                f"unknown action keys {unknown}: the robot takes any of {ACTION_NAMES}, or all that one of "
                f"LeRobot's teleoperators sends ({UNDERSTOOD})"
            )
    kept = dict(zip(ACTION_NAMES, [*held, 0.0, 0.0, 0.0], strict=True))
    return np.array([_number(name, action.get(name, kept[name])) for name in ACTION_NAMES])


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError):
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"action {name!r} must be a finite number, got {value!r}")
    return number


def _drive_by_letters(pressed: set[Any]) -> dict[str, float]:
    """Sum of the pressed letters; every other key is let pass, as a keyboard has many."""
    velocity = np.sum([LETTERS[key] for key in pressed if key in LETTERS] or [(0.0, 0.0, 0.0)], axis=0)
    return dict(zip(VELOCITY_NAMES, velocity.tolist(), strict=True))


def _drive(action: Mapping[str, Any]) -> dict[str, float]:
    """A rover's velocities are shares of its top speed."""
    linear, turn = (_number(name, action[name]) for name in ("linear_velocity", "angular_velocity"))
    return {"x.vel": linear * VELOCITY_LIMITS[0], "theta.vel": turn * VELOCITY_LIMITS[2]}


def _move_gripper(action: Mapping[str, Any], held: np.ndarray) -> dict[str, float]:
    """A step of the grasp point from where the held joints have it, and of the gripper's opening."""
    push = np.array([_number(name, action[name]) for name in ("delta_x", "delta_y", "delta_z")])
    # LeRobot's `keyboard_ee` sends -1 once its closing key is let go: only 0 closes.
    closing = {0.0: -CLOSING_STEP, 2.0: CLOSING_STEP}.get(_number("gripper", action.get("gripper", 1)), 0.0)
    moved = {"gripper.pos": float(np.clip(held[5] + closing, 0.0, 100.0))}
    if not push.any():
        return moved
    velocity = GRIPPER_SPEED * np.clip(push, -1.0, 1.0)
    grasp = so101.forward(arm_to_radians(held)[:5])[:3, 3]
    wanted = grasp + velocity / CONTROL_HZ
    moved |= _reach(np.clip(wanted, REACH_LOW, REACH_HIGH), held)
    beyond = np.where(velocity > 0, wanted > REACH_HIGH, wanted < REACH_LOW)
    return moved | {"x.vel": float(velocity[0] * beyond[0]), "y.vel": float(velocity[1] * beyond[1])}


def _reach(point: np.ndarray, held: np.ndarray) -> dict[str, float]:
    """Joint targets that bring the grasp point nearer to `point` (3,), level and away from the shoulder."""
    approach = np.append(point[:2] - PAN_AXIS, 0.0)
    joints = joints_for(_IK, point, approach / np.linalg.norm(approach))
    targets = held[:5] + np.clip(joints - held[:5], -JOINT_STEP, JOINT_STEP)
    return dict(zip(ARM_NAMES[:5], targets.tolist(), strict=True))
