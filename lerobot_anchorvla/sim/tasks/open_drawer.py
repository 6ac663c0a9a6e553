"""Open a cabinet's drawer by its bar handle."""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.sim.instructions import instruction
from lerobot_anchorvla.sim.levels import Level
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import draw_start
from lerobot_anchorvla.sim.reshape import reshape
from lerobot_anchorvla.sim.tasks.cabinet import Cabinet, add_cabinet, draw_cabinet
from lerobot_anchorvla.sim.tasks.naming import prefix


class OpenDrawer:
    """A cabinet with a drawer, or with two of which the instruction names one.

    Args:
        level: what differs between episodes.

    Attributes:
        cabinet: of this episode.
    """

    name = "open_drawer"
    goal = 0.12

    def __init__(self, level: Level) -> None:
        self._level = level
        self._draw(np.random.default_rng(0))
        self.instruction = instruction(self.name, self.named)

    def _draw(self, rng: np.random.Generator) -> None:
        self.cabinet: Cabinet = draw_cabinet(self._level, rng)
        self.named = self.cabinet.names[self.cabinet.target]
        self._before = prefix(self.named)

    def add_to(self, scene: mujoco.MjSpec) -> None:
        add_cabinet(scene, self.cabinet)

    def reset(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        self._draw(rng)
        furniture = mujoco.MjSpec()
        add_cabinet(furniture, self.cabinet)
        reshape(model, furniture.compile())

    def draw_start(self, rng: np.random.Generator, random_start: bool) -> np.ndarray:
        return draw_start(self._level.start, rng, random_start, self.cabinet.handle_place)

    def target(self, data: mujoco.MjData) -> tuple[np.ndarray, float]:
        return data.site(f"{self._before}handle").xpos.copy(), self.cabinet.place.yaw

    def progress(self, data: mujoco.MjData) -> float:
        """Opening of the named drawer [m]."""
        return float(data.joint(f"{self._before}drawer_slide").qpos[0])
