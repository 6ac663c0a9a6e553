"""Chunks of actions as ways through space, and their image in a camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.sim.layout import ARM_MOUNT
from lerobot_anchorvla.sim.signals import CONTROL_HZ, arm_to_radians

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.world import World


@dataclass(frozen=True)
class Paths:
    """Where a chunk leads, if the robot did exactly as told.

    Attributes:
        base: shape (T, 3): x [m], y [m] and yaw [rad] of the base.
        end_effector: shape (T, 3): the grasp point [m].
    """

    base: np.ndarray
    end_effector: np.ndarray


def chunk_paths(chunk: np.ndarray, start: np.ndarray, height: float = 0.0) -> Paths:
    """The way of one chunk of H actions.

    The body-frame velocities are integrated at the control rate, p_{j+1} = p_j + R(yaw_j) v_j / 15; the grasp
    point is the arm's forward kinematics of the joint targets, carried by the base.

    Args:
        chunk: shape (H, 9), in the units of `ACTION_NAMES`.
        start: shape (3,): the base's x [m], y [m], yaw [rad] at the time of the query.
        height: of the trunk above the floor [m].
    """
    pose = np.array(start, dtype=np.float64)
    base, grasp = [], []
    for action in np.asarray(chunk, dtype=np.float64):
        rotation = _planar_rotation(pose[2])
        pose = pose + np.array([*(rotation[:2, :2] @ action[6:8]), action[8]]) / CONTROL_HZ
        in_base = np.array(ARM_MOUNT) + so101.forward(arm_to_radians(action[:6])[:5])[:3, 3]
        base.append(pose)
        grasp.append(_planar_rotation(pose[2]) @ in_base + [pose[0], pose[1], height])
    return Paths(np.stack(base), np.stack(grasp))


@dataclass(frozen=True)
class Camera:
    """A pinhole camera without distortion.

    Attributes:
        position: shape (3,), in the world [m].
        rotation: shape (3, 3), columns right, up and backwards in the world, as MuJoCo has it.
        field_of_view: vertical [rad].
        height, width: of the image, in pixels.
    """

    position: np.ndarray
    rotation: np.ndarray
    field_of_view: float
    height: int
    width: int

    @classmethod
    def of_world(cls, world: World, camera: str, height: int, width: int) -> Camera:
        """Where the camera of that name is now."""
        from lerobot_anchorvla.sim.world import CAMERA_NAMES

        name = CAMERA_NAMES[camera]
        seen = world.data.camera(name)
        field_of_view = float(np.deg2rad(world.model.camera(name).fovy[0]))
        return cls(seen.xpos.copy(), seen.xmat.reshape(3, 3).copy(), field_of_view, height, width)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2), x to the right and y down, of points (N, 3) in the world; NaN behind the camera."""
        seen = (np.asarray(points) - self.position) @ self.rotation
        depth = -seen[:, 2]
        focal = 0.5 * self.height / np.tan(0.5 * self.field_of_view)
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = focal * seen[:, :2] / depth[:, None] * [1, -1] + [0.5 * self.width, 0.5 * self.height]
        return np.where(depth[:, None] > 1e-3, pixels, np.nan)


def _planar_rotation(yaw: float) -> np.ndarray:
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
