"""Lift a bag off the floor by its stiff handle."""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.sim.instructions import instruction
from lerobot_anchorvla.sim.levels import Level
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import draw_start
from lerobot_anchorvla.sim.reshape import reshape
from lerobot_anchorvla.sim.tasks.bags import Bags, add_bags, draw_bags
from lerobot_anchorvla.sim.tasks.naming import prefix


class LiftBag:
    """A bag on the floor, or two of which the instruction names one.

    The heavy sole lets a bag rock back when it is bumped.

    Args:
        level: what differs between episodes.

    Attributes:
        bags: of this episode.
    """

    name = "lift_bag"
    goal = 0.05

    def __init__(self, level: Level) -> None:
        self._level = level
        self._draw(np.random.default_rng(0))
        self.instruction = instruction(self.name, self.named)

    def _draw(self, rng: np.random.Generator) -> None:
        self.bags: Bags = draw_bags(self._level, rng)
        self.named = self.bags.wanted.named
        self._before = prefix(self.named)
        self._outline, self._radii = self.bags.wanted.outline()

    def add_to(self, scene: mujoco.MjSpec) -> None:
        add_bags(scene, self.bags)

    def reset(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        self._draw(rng)
        furniture = mujoco.MjSpec()
        add_bags(furniture, self.bags)
        reshape(model, furniture.compile())
        for bag in self.bags.bags:
            place = bag.place
            data.joint(f"{prefix(bag.named)}bag").qpos[:] = [place.x, place.y, 0, *place.quaternion]

    def draw_start(self, rng: np.random.Generator, random_start: bool) -> np.ndarray:
        return draw_start(self._level.start, rng, random_start, self.bags.wanted.place)

    def target(self, data: mujoco.MjData) -> tuple[np.ndarray, float]:
        """Middle of the handle's bar, and the heading across the bar that faces the bag's pocket."""
        along_bar = data.body(f"{self._before}bag").xmat.reshape(3, 3)[:, 1]
        heading = float(np.arctan2(-along_bar[0], along_bar[1]))
        return data.site(f"{self._before}handle").xpos.copy(), heading

    def progress(self, data: mujoco.MjData) -> float:
        """Height of the named bag's lowest point above the floor [m]: 0 for a bag that is merely tipped."""
        bag = data.body(f"{self._before}bag")
        heights = bag.xpos[2] + self._outline @ bag.xmat.reshape(3, 3)[2] - self._radii
        return max(0.0, float(heights.min()))
