"""A scripted expert that lifts the bag, coming to it from one of three sides.

The expert keeps no memory: each action is a function of what a policy observes on that tick, and of the mode.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.kinematics.so101 import InverseKinematics
from lerobot_anchorvla.sim.experts.driving import drive_to_stance, wrapped
from lerobot_anchorvla.sim.experts.reaching import (
    UP,
    joints_for,
    limited,
    ramp,
    step,
    straight_towards,
    unfolded,
    weight_lead,
)
from lerobot_anchorvla.sim.layout import ARM_MOUNT
from lerobot_anchorvla.sim.signals import VELOCITY_LIMITS

MODES = {"left": 1, "centre": 0, "right": -1}
"""From where the robot comes, seen from behind it: the sign of its heading's angle to the bag's."""

SIDE_ANGLE = 0.35  # [rad]
STANCE = 0.50  # from the base's middle to the handle when the arm works [m]
PITCH = np.deg2rad(40.0)  # of the gripper, downwards
PREGRASP = 0.07  # how far before the handle the open gripper waits [m]
GRIPPER_OPEN, GRIPPER_HOLDING, GRIPPER_EMPTY = 55.0, 28.0, 4.0
CLEARANCE = 0.008  # how far the handle is from the middle of the open jaws on the way in [m]
ARM_MASS, LOADED_MASS = 0.2, 0.4  # of the arm, and with the bag, as if all of it were at the grasp point [kg]
HELD = np.array([0.31, 0.0])  # where the handle is held before the arm's base [m]
LIFT = 0.12  # how high the bag is held [m]; the goal is at 0.05


@dataclass(frozen=True)
class _View:
    """One observation in the terms of the expert; vectors are in the frame of the arm's base, in [m]."""

    arm: np.ndarray  # (6,) measured, in degrees and 0..100
    handle: np.ndarray  # (3,)
    to_handle: np.ndarray  # (3,) from the grasp point
    approach: np.ndarray  # (3,) direction in which the gripper comes
    heading_error: float  # [rad] to turn so that the robot faces along the approach
    stance_error: np.ndarray  # (2,) way of the base to its stance
    height: float  # of the bag above the floor [m]

    @property
    def gripper(self) -> float:
        return float(self.arm[5])

    @property
    def distance(self) -> float:
        return float(np.linalg.norm(self.to_handle))


class LiftBagExpert:
    """Drives to a stance, lowers the open gripper over the handle, closes it, and lifts.

    Args:
        mode: a name in `MODES`.
    """

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {list(MODES)}, got {mode!r}")
        self._side = MODES[mode]
        self._ik = InverseKinematics(iterations=12)

    def act(self, state: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Action (9,) for the robot's state (9,) and the target as it sees it (9,)."""
        view = self._view(np.asarray(state, dtype=np.float64), np.asarray(target, dtype=np.float64))
        moves = {"approach": self._approach, "close": self._close, "lift": self._lift}
        phase = self._phase(view)
        joints, gripper, velocity = moves[phase](view)
        sent = straight_towards(view.arm[:5], joints)
        sent += weight_lead(view.arm[:5], LOADED_MASS if phase == "lift" else ARM_MASS)
        return np.concatenate([sent, [gripper], np.clip(velocity, -VELOCITY_LIMITS, VELOCITY_LIMITS)])

    def _view(self, state: np.ndarray, target: np.ndarray) -> _View:
        heading = float(np.arctan2(target[4], target[3])) - SIDE_ANGLE * self._side
        ahead = np.array([np.cos(heading), np.sin(heading)])
        return _View(
            arm=state[:6],
            handle=target[:3],
            to_handle=target[5:8],
            approach=_pitched(heading),
            heading_error=wrapped(heading),
            stance_error=target[:2] + np.array(ARM_MOUNT[:2]) - STANCE * ahead,
            height=float(target[8]),
        )

    @staticmethod
    def _phase(view: _View) -> str:
        """Which part of the task the robot is in: "approach", "close" or "lift"."""
        if view.gripper <= GRIPPER_HOLDING:
            return "lift" if view.distance < 0.03 and view.gripper > GRIPPER_EMPTY else "approach"
        # Once the gripper has begun to close, a larger slip is let pass, so that it does not hesitate.
        tolerance = np.interp(view.gripper, [GRIPPER_OPEN - 10, GRIPPER_OPEN - 2], [0.022, 0.012])
        return "close" if view.distance < tolerance else "approach"

    def _approach(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        """Drive to the stance, unfold the arm on the way, then slide the open gripper over the handle."""
        remaining = float(np.linalg.norm(view.stance_error))
        handle = view.handle.copy()
        handle[:2] -= ramp(remaining, 0.08, 0.25) * view.stance_error  # where it will be at the stance
        point = handle - self._way_in(view, remaining)
        joints, gripper = unfolded(remaining, joints_for(self._ik, point, view.approach), GRIPPER_OPEN)
        return joints, step(view.gripper, gripper, 20.0), self._drive(view)

    @staticmethod
    def _way_in(view: _View, remaining: float) -> np.ndarray:
        """From where to hold the grasp point next to the handle (3,).

        A light bag is soon knocked over. So a gripper that is beside the handle first goes back the way it
        came, then in line with the handle, then forwards: with the handle nearer to the jaw that opens wide.
        """
        along = float(view.to_handle @ view.approach)
        above = UP - (UP @ view.approach) * view.approach
        line = CLEARANCE * ramp(along, 0.0, 0.03) * above / np.linalg.norm(above)
        beside = view.to_handle - along * view.approach - line
        ready = ramp(float(np.linalg.norm(beside)), 0.020, 0.010) * ramp(view.gripper, 30.0, 45.0)
        ready *= ramp(remaining, 0.12, 0.06)
        standoff = float(np.clip(along + 0.03 - 0.05 * ready, 0.0, PREGRASP))
        aligning = max(ready, ramp(along, 0.02, 0.05))
        return standoff * view.approach + line + (1 - aligning) * beside

    @staticmethod
    def _drive(view: _View) -> np.ndarray:
        """Velocity (3,) towards the stance; near the handle the base leaves the rest to the arm."""
        slack = float(np.interp(view.distance, [0.05, 0.15], [0.04, 0.01]))
        return drive_to_stance(view.stance_error, view.heading_error, slack)

    def _close(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        return joints_for(self._ik, view.handle, view.approach), max(0.0, view.gripper - 15.0), np.zeros(3)

    def _lift(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        """Straight up with the base at rest; the bag is drawn to the middle in front of the robot.

        The bag now turns with the gripper, so that the robot, not the bag, says where ahead is.
        """
        rise = float(np.clip(LIFT - view.height, -0.015, 0.015))
        way = np.array([*limited(HELD - view.handle[:2], 0.015), rise])
        point = view.handle - view.to_handle + way
        approach = _pitched(float(np.arctan2(view.handle[1], view.handle[0])))
        return joints_for(self._ik, point, approach), 0.0, np.zeros(3)


def _pitched(heading: float) -> np.ndarray:
    """Direction (3,) of a gripper that comes from above, with its heading as seen from the robot [rad]."""
    return np.array([np.cos(PITCH) * np.cos(heading), np.cos(PITCH) * np.sin(heading), -np.sin(PITCH)])
