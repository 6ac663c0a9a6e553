"""Forward and inverse kinematics of the SO101 arm in plain numpy.

The figures are those of `so101_new_calib.xml` (a joint's zero is the middle of its range, as LeRobot's
calibration has it). Angles are in radians, lengths in metres, and poses are given in the arm's base frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll")

LOWER_LIMITS = np.array([-1.91986, -1.74533, -1.69, -1.65806, -2.74385])  # [rad]
UPPER_LIMITS = np.array([1.91986, 1.74533, 1.69, 1.65806, 2.84121])  # [rad]

# Fixed transform from each link to the next joint: position [m] and quaternion (w, x, y, z). All joints turn
# about their own z.
_LINKS = (
    ((0.0388353, 0.0, 0.0624), (0.0, 0.0, -1.0, 0.0)),
    ((-0.0303992, -0.0182778, -0.0542), (0.5, -0.5, -0.5, -0.5)),
    ((-0.11257, -0.028, 0.0), (0.5**0.5, 0.0, 0.0, 0.5**0.5)),
    ((-0.1349, 0.0052, 0.0), (0.5**0.5, 0.0, 0.0, -(0.5**0.5))),
    ((0.0, -0.0611, 0.0181), (0.0172091, -0.0172091, 0.706897, 0.706897)),
)
_TIP = ((-0.0079, -0.000218121, -0.0981274), (0.5**0.5, 0.0, 0.5**0.5, 0.0))

# Where the jaws meet an object, seen from the tip frame: x is the approach direction, z points from the fixed
# jaw to the moving one. The moving jaw draws back when it opens, so the point lies 16 mm behind the tips.
GRASP_OFFSET = np.array([-0.016, 0.0, 0.016])


def _matrix(position: tuple[float, ...], quaternion: tuple[float, ...]) -> np.ndarray:
    """Homogeneous transform (4, 4) of a position and a quaternion (w, x, y, z)."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    transform = np.eye(4)
    transform[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    transform[:3, 3] = position
    return transform


def _grasp_frame() -> np.ndarray:
    frame = _matrix(*_TIP)
    frame[:3, 3] += frame[:3, :3] @ GRASP_OFFSET
    return frame


_LINK_TRANSFORMS = tuple(_matrix(*link) for link in _LINKS)
_GRASP_TRANSFORM = _grasp_frame()


def rotation_vector(rotation: np.ndarray) -> np.ndarray:
    """Logarithm of a rotation matrix (3, 3): axis times angle, in [rad]. Shape (3,)."""
    skew = np.array(
        [rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]]
    )
    angle = np.arccos(np.clip((np.trace(rotation) - 1) / 2, -1.0, 1.0))
    if angle < 1e-6:
        return 0.5 * skew
    if np.pi - angle < 1e-4:  # the skew part vanishes: read the axis from the symmetric part
        symmetric = (rotation + np.eye(3)) / 2
        axis = symmetric[np.argmax(np.diag(symmetric))]
        return angle * axis / np.linalg.norm(axis)
    return angle / (2 * np.sin(angle)) * skew


def forward(joints: np.ndarray) -> np.ndarray:
    """Pose (4, 4) of the grasp point for joint angles (5,) in [rad].

    Columns of the rotation: x is the approach direction, z points from the fixed jaw to the moving one.
    """
    return forward_with_jacobian(joints)[0]


def forward_with_jacobian(joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pose (4, 4) of the grasp point and its geometric Jacobian (6, 5): rows are linear, then angular."""
    pose = np.eye(4)
    origins, axes = [], []
    for transform, angle in zip(_LINK_TRANSFORMS, joints, strict=True):
        pose = pose @ transform
        origins.append(pose[:3, 3].copy())
        axes.append(pose[:3, 2].copy())
        cos, sin = np.cos(angle), np.sin(angle)
        pose[:3, :2] = pose[:3, :2] @ np.array([[cos, -sin], [sin, cos]])
    pose = pose @ _GRASP_TRANSFORM
    turn_axes = np.array(axes)  # (5, 3)
    levers = pose[:3, 3] - np.array(origins)  # (5, 3)
    return pose, np.concatenate([np.cross(turn_axes, levers), turn_axes], axis=1).T


@dataclass(frozen=True)
class InverseKinematics:
    """Levenberg-Marquardt search for the joints that bring the grasp point to a pose.

    Minimises |p* - p|^2 + w^2 |log(R* R^T)|^2 within the joint limits. The arm has five joints, so the
    orientation is a wish with a small weight w and the position comes first.

    Attributes:
        orientation_weight: w in [m]/[rad].
        iterations: most steps of one search.
        step_limit: largest change of a joint in one step of the search, in [rad].
        tolerance: the search ends when a step lowers the cost by less than this.
    """

    orientation_weight: float = 0.05
    iterations: int = 20
    step_limit: float = 0.25
    tolerance: float = 1e-10

    def solve(self, start: np.ndarray, pose: np.ndarray) -> np.ndarray:
        """Joints (5,) in [rad] that bring the grasp point to `pose` (4, 4), searched from `start` (5,)."""
        joints = np.clip(start, LOWER_LIMITS, UPPER_LIMITS)
        error, jacobian = self._linearise(joints, pose)
        damping = 1e-3
        for _ in range(self.iterations):
            candidate = np.clip(
                joints + self._step(joints, error, jacobian, damping), LOWER_LIMITS, UPPER_LIMITS
            )
            new_error, new_jacobian = self._linearise(candidate, pose)
            gain = error @ error - new_error @ new_error
            if gain > 0:
                joints, error, jacobian = candidate, new_error, new_jacobian
                damping = max(0.3 * damping, 1e-6)
                if gain < self.tolerance:
                    break
            else:
                damping = min(8 * damping, 1.0)
        return joints

    def _linearise(self, joints: np.ndarray, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weighted pose error (6,) and the weighted Jacobian (6, 5) of the pose."""
        current, jacobian = forward_with_jacobian(joints)
        turn = rotation_vector(pose[:3, :3] @ current[:3, :3].T)
        error = np.concatenate([pose[:3, 3] - current[:3, 3], self.orientation_weight * turn])
        jacobian[3:] *= self.orientation_weight
        return error, jacobian

    def _step(
        self, joints: np.ndarray, error: np.ndarray, jacobian: np.ndarray, damping: float
    ) -> np.ndarray:
        """One damped step (5,); a joint that its limit stops takes no part in it."""
        gradient = jacobian.T @ error
        at_limit = ((joints <= LOWER_LIMITS + 1e-6) & (gradient < 0)) | (
            (joints >= UPPER_LIMITS - 1e-6) & (gradient > 0)
        )
        free = ~at_limit
        step = np.zeros_like(joints)
        normal = jacobian[:, free].T @ jacobian[:, free] + damping * np.eye(free.sum())
        step[free] = np.linalg.solve(normal, gradient[free])
        return step * min(1.0, self.step_limit / max(np.abs(step).max(), 1e-9))
