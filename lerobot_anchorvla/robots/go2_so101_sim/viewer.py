"""MuJoCo's own viewer beside a running world."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.world import World

# The first view: about that of the overview camera. [m] and [deg]
LOOK_AT, DISTANCE = (0.88, 0.0, 0.30), 2.6
AZIMUTH, ELEVATION = 77.0, -19.0


def check_display() -> None:
    """Raises a RuntimeError where no window can be opened."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise RuntimeError(
            "robot.viewer=true needs a display, and neither DISPLAY nor WAYLAND_DISPLAY is set: run it in a "
            "desktop session, or leave the viewer out"
        )


class Viewer:
    """A window that shows the world and can be looked around in; closing it lets the world run on.

    Args:
        world: what to show.
    """

    def __init__(self, world: World) -> None:
        import mujoco.viewer

        from lerobot_anchorvla.sim.scene import VISIBLE_GROUPS

        self._window = mujoco.viewer.launch_passive(
            world.model, world.data, show_left_ui=False, show_right_ui=False
        )
        with self._window.lock():
            options, camera = self._window.opt, self._window.cam
            options.geomgroup[:] = 0
            options.geomgroup[list(VISIBLE_GROUPS["overview"])] = 1
            options.sitegroup[:] = 0
            camera.lookat[:], camera.distance = LOOK_AT, DISTANCE
            camera.azimuth, camera.elevation = AZIMUTH, ELEVATION
        self.show()

    def show(self) -> None:
        """Draw the world as it is now."""
        if self._window.is_running():
            self._window.sync()

    def close(self) -> None:
        self._window.close()
