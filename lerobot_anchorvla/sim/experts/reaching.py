"""How a scripted expert moves the arm: where to hold the gripper, and the joints for it.

Points and directions are in the frame of the arm's base, in [m].
"""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.kinematics.so101 import InverseKinematics, forward_with_jacobian
from lerobot_anchorvla.sim.signals import ARM_REST

READY = np.deg2rad([0.0, 30.0, 55.0, -85.0, 0.0])  # the search for joints starts here: the gripper level
JOINT_LEAD = 8.0  # largest step of a joint target from the measured joint [deg]
SAG_GAIN = 1.25
SERVO_STIFFNESS = 17.8  # of the arm's joints [N m/rad]
GRAVITY = 9.81  # [m/s^2]
UP = np.array([0.0, 0.0, 1.0])


def gripper_pose(point: np.ndarray, approach: np.ndarray) -> np.ndarray:
    """Pose (4, 4) with the grasp point at `point` (3,), that points along `approach` (3,), level sideways.

    `approach` has length 1 and is not vertical.
    """
    side = np.cross(UP, approach)
    side /= np.linalg.norm(side)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([approach, side, np.cross(approach, side)], axis=1)
    pose[:3, 3] = point
    return pose


def joints_for(
    solver: InverseKinematics, point: np.ndarray, approach: np.ndarray, sag: float = 0.0
) -> np.ndarray:
    """Joints (5,) in degrees that bring the grasp point to `point` (3,), pointing along `approach` (3,).

    Args:
        solver: of the inverse kinematics.
        point, approach: where the gripper is to be.
        sag: how far the arm bends under its own weight [m], over its reach [m] squared; it is sent as much
            higher.
    """
    raised = point + sag * (point[:2] @ point[:2]) * UP
    return np.rad2deg(solver.solve(READY, gripper_pose(raised, approach)))


def unfolded(remaining: float, joints: np.ndarray, gripper: float) -> tuple[np.ndarray, float]:
    """The arm on its way from its rest to `joints` (5,) and `gripper`, `remaining` [m] before the stance."""
    share = ramp(remaining, 0.80, 0.25)
    return (
        ARM_REST[:5] + share * (joints - ARM_REST[:5]),
        float(ARM_REST[5] + share * (gripper - ARM_REST[5])),
    )


def towards(measured: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Joint targets (5,) in degrees: past the wanted ones, as the arm sags, but near the measured."""
    return measured + np.clip(SAG_GAIN * (wanted - measured), -JOINT_LEAD, JOINT_LEAD)


def straight_towards(measured: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """As `towards`, but with all joints slowed down alike, so that the gripper keeps its direction."""
    ahead = SAG_GAIN * (wanted - measured)
    return measured + ahead * (JOINT_LEAD / max(JOINT_LEAD, float(np.abs(ahead).max())))


def weight_lead(measured: np.ndarray, mass: float) -> np.ndarray:
    """How far past their angles the joints (5,) must be sent to carry `mass` [kg] at the grasp point [deg].

    The servos are springs of stiffness k: the lead is J^T f / k, with the force f that holds the mass.
    """
    _, jacobian = forward_with_jacobian(np.deg2rad(measured))
    return np.rad2deg(mass * GRAVITY / SERVO_STIFFNESS * jacobian[2])


def ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one`, and straight in between."""
    return float(np.clip((value - zero) / (one - zero), 0.0, 1.0))


def step(value: float, wanted: float, limit: float) -> float:
    """`value` moved towards `wanted` by at most `limit`."""
    return value + float(np.clip(wanted - value, -limit, limit))


def limited(vector: np.ndarray, length: float) -> np.ndarray:
    """The vector, shortened to at most `length`."""
    return vector * min(1.0, length / max(float(np.linalg.norm(vector)), 1e-9))
