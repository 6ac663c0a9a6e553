"""A scripted expert that opens the drawer in one of six ways.

The expert keeps no memory: each action is a function of what a policy observes on that tick, and of the mode.
A policy that imitates it can therefore know, from its observation, which part of the task it is in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.kinematics.so101 import InverseKinematics
from lerobot_anchorvla.sim.experts.driving import drive_to_stance, wrapped
from lerobot_anchorvla.sim.experts.reaching import UP, joints_for, limited, ramp, step, towards, unfolded
from lerobot_anchorvla.sim.layout import ARM_MOUNT
from lerobot_anchorvla.sim.signals import VELOCITY_LIMITS


@dataclass(frozen=True)
class Mode:
    """One way to open the drawer.

    Attributes:
        side: from where the robot comes, seen from behind it: -1 right, 0 straight, +1 left.
        pull: what opens the drawer: "base" walks backwards, "arm" draws the handle in first.
    """

    side: int
    pull: str

    @property
    def name(self) -> str:
        return f"{('centre', 'left', 'right')[self.side]}-{self.pull}"


MODES = {mode.name: mode for pull in ("base", "arm") for side in (1, 0, -1) for mode in [Mode(side, pull)]}

SIDE_ANGLE = 0.35  # [rad]
STANCE = 0.50  # from the base's middle to the handle when the arm works [m]
PREGRASP = 0.07  # how far before the handle the open gripper waits [m]
# The fixed jaw, below, stays where it is when the gripper opens: to keep it clear of the handle, the open
# gripper is held lower than the closed one [m].
CLEARANCE = 0.007
SAG = 0.10  # how far the arm bends under its own weight [m], over its reach [m] squared
GRIPPER_OPEN, GRIPPER_HOLDING = 55.0, 28.0
OPEN_ENOUGH = 0.20  # the drawer is let go here [m]; the goal is at 0.12


@dataclass(frozen=True)
class _View:
    """One observation in the terms of the expert; vectors are in the frame of the arm's base, in [m]."""

    arm: np.ndarray  # (6,) measured, in degrees and 0..100
    handle: np.ndarray  # (3,)
    to_handle: np.ndarray  # (3,) from the grasp point
    inward: np.ndarray  # (3,) direction into the cabinet
    approach: np.ndarray  # (3,) direction in which the gripper comes
    heading_error: float  # [rad] to turn so that the robot faces along the approach
    stance_error: np.ndarray  # (2,) way of the base to its stance
    opening: float  # of the drawer [m]

    @property
    def gripper(self) -> float:
        return float(self.arm[5])

    @property
    def to_entry(self) -> np.ndarray:
        """Way of the grasp point (3,) to where the handle is between the open jaws."""
        return self.to_handle - CLEARANCE * UP

    @property
    def distance(self) -> float:
        return float(np.linalg.norm(self.to_handle))


class OpenDrawerExpert:
    """Drives to a stance, reaches for the handle, closes the gripper on it, pulls, and lets go.

    Args:
        mode: a name in `MODES`.
    """

    def __init__(self, mode: str) -> None:
        if mode not in MODES:
            raise ValueError(f"mode must be one of {list(MODES)}, got {mode!r}")
        self.mode = MODES[mode]
        self._ik = InverseKinematics(iterations=12)

    def act(self, state: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Action (9,) for the robot's state (9,) and the target as it sees it (9,)."""
        view = self._view(np.asarray(state, dtype=np.float64), np.asarray(target, dtype=np.float64))
        phase = self._phase(view)
        moves = {
            "approach": self._approach,
            "close": self._close,
            "pull": self._pull,
            "release": self._release,
        }
        joints, gripper, velocity = moves[phase](view)
        velocity = np.clip(velocity, -VELOCITY_LIMITS, VELOCITY_LIMITS)
        return np.concatenate([towards(view.arm[:5], joints), [gripper], velocity])

    def _view(self, state: np.ndarray, target: np.ndarray) -> _View:
        turn = np.arctan2(target[4], target[3])
        heading = turn - SIDE_ANGLE * self.mode.side
        inward = np.array([np.cos(turn), np.sin(turn), 0.0])
        approach = np.array([np.cos(heading), np.sin(heading), 0.0])
        handle_from_base = target[:2] + np.array(ARM_MOUNT[:2])
        return _View(
            arm=state[:6],
            handle=target[:3],
            to_handle=target[5:8],
            inward=inward,
            approach=approach,
            heading_error=wrapped(heading),
            stance_error=handle_from_base - STANCE * approach[:2],
            opening=float(target[8]),
        )

    @staticmethod
    def _phase(view: _View) -> str:
        """Which part of the task the robot is in: "approach", "close", "pull" or "release"."""
        if view.opening >= OPEN_ENOUGH or (view.opening > 0.13 and view.gripper > GRIPPER_HOLDING + 6):
            return "release"
        if view.gripper <= GRIPPER_HOLDING:
            return "pull" if view.distance < 0.03 else "approach"
        # Once the gripper has begun to close, a larger slip is let pass, so that it does not hesitate.
        tolerance = np.interp(view.gripper, [GRIPPER_OPEN - 10, GRIPPER_OPEN - 2], [0.022, 0.010])
        reached = min(view.distance, float(np.linalg.norm(view.to_entry))) < tolerance
        return "close" if reached else "approach"

    def _approach(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        """Drive to the stance, unfold the arm on the way, then slide the open gripper over the handle."""
        remaining = float(np.linalg.norm(view.stance_error))
        handle = view.handle - CLEARANCE * UP
        handle[:2] -= ramp(remaining, 0.08, 0.25) * view.stance_error  # where it will be at the stance
        point = handle - self._standoff(view, remaining) * view.approach
        joints, gripper = unfolded(remaining, self._joints_for(view, point), GRIPPER_OPEN)
        return joints, step(view.gripper, gripper, 20.0), self._drive(view)

    @staticmethod
    def _standoff(view: _View, remaining: float) -> float:
        """How far before the handle to hold the grasp point [m]: less once the gripper is in line."""
        along = float(view.to_entry @ view.approach)
        beside = float(np.linalg.norm(view.to_entry - along * view.approach))
        ready = ramp(beside, 0.025, 0.010) * ramp(view.gripper, 30.0, 45.0) * ramp(remaining, 0.12, 0.06)
        return (1 - ready) * PREGRASP + ready * float(np.clip(along - 0.03, 0.0, PREGRASP))

    @staticmethod
    def _drive(view: _View) -> np.ndarray:
        """Velocity (3,) towards the stance; near the handle the base leaves the rest to the arm."""
        slack = float(np.interp(view.distance, [0.05, 0.15], [0.05, 0.01]))
        return drive_to_stance(view.stance_error, view.heading_error, slack)

    def _close(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        return self._joints_for(view, view.handle), max(0.0, view.gripper - 15.0), np.zeros(3)

    def _pull(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        """Walk backwards with the arm held still, or draw the handle in and walk only when it is near."""
        if self.mode.pull == "base":
            at_stance = np.array([*(STANCE * view.approach[:2] - ARM_MOUNT[:2]), view.handle[2]])
            point = view.handle + limited(at_stance - view.handle, 0.03)
            speed = float(np.interp(view.opening, [0.0, 0.03], [0.08, 0.20]))
        else:
            point = view.handle - 0.045 * view.inward
            speed = 0.16 * ramp(float(np.linalg.norm(view.handle[:2])), 0.25, 0.21)
        return self._joints_for(view, point), 0.0, -speed * view.inward

    def _release(self, view: _View) -> tuple[np.ndarray, float, np.ndarray]:
        speed = 0.12 * ramp(view.gripper, GRIPPER_HOLDING, 45.0)
        return (
            self._joints_for(view, view.handle),
            step(view.gripper, GRIPPER_OPEN, 20.0),
            -speed * view.approach,
        )

    def _joints_for(self, view: _View, point: np.ndarray) -> np.ndarray:
        """Joints (5,) in degrees that bring the grasp point to `point`, level and along the approach."""
        return joints_for(self._ik, point, view.approach, SAG)
