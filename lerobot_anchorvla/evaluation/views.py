"""Cameras that only the report has: they look at the scene from where it is seen best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.evaluation.paths import Camera

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.world import World


@dataclass(frozen=True)
class View:
    """A camera that looks at a point.

    Attributes:
        target: the point, x, y, z in the world [m].
        azimuth: of the direction of view, about the vertical [deg]; 0 looks along x.
        elevation: of the direction of view [deg]; negative looks down.
        distance: from the point [m].
        height, width: of the image, in pixels.
    """

    target: tuple[float, float, float]
    azimuth: float
    elevation: float
    distance: float
    height: int
    width: int

    def camera(self, world: World) -> Camera:
        """The pinhole camera of this view."""
        azimuth, elevation = np.deg2rad([self.azimuth, self.elevation])
        forward = np.array(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ]
        )
        right = np.array([np.sin(azimuth), -np.cos(azimuth), 0.0])
        rotation = np.stack([right, np.cross(right, forward), -forward], axis=1)
        position = np.array(self.target) - self.distance * forward
        field_of_view = float(np.deg2rad(world.model.vis.global_.fovy))
        return Camera(position, rotation, field_of_view, self.height, self.width)

    def render(self, world: World) -> np.ndarray:
        """The scene as it is now, with smooth edges: shape (height, width, 3), uint8."""
        from lerobot_anchorvla.sim.mujoco_api import mujoco
        from lerobot_anchorvla.sim.rendering import Renderer
        from lerobot_anchorvla.sim.scene import VISIBLE_GROUPS, visible

        eye = mujoco.MjvCamera()
        eye.type = mujoco.mjtCamera.mjCAMERA_FREE
        eye.lookat, eye.distance = self.target, self.distance
        eye.azimuth, eye.elevation = self.azimuth, self.elevation
        scale = 2  # rendered larger and averaged, since the renderer does not smooth edges
        renderer = Renderer(world.model)
        large = renderer.render(
            world.data, eye, visible(VISIBLE_GROUPS["overview"]), scale * self.height, scale * self.width
        )
        renderer.close()
        blocks = large.reshape(self.height, scale, self.width, scale, 3).astype(np.float32)
        return blocks.mean(axis=(1, 3)).round().astype(np.uint8)
