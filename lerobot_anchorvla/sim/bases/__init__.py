"""How the quadruped moves: from a velocity command to forces on its model. One file a base."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lerobot_anchorvla.sim.bases.legged import LeggedBase
from lerobot_anchorvla.sim.bases.planar import PlanarBase

if TYPE_CHECKING:
    import mujoco

__all__ = ["BASES", "Base", "LeggedBase", "PlanarBase", "make_base"]

BASES = ("legged", "planar")


class Base(Protocol):
    """What carries the arm. A base adds its joints to the robot, then drives them at every physics step.

    Attributes:
        timestep: of the physics, in [s].
        impratio: MuJoCo's ratio of frictional to normal impedance.
    """

    timestep: float
    impratio: float

    def add_to(self, robot: mujoco.MjSpec) -> None:
        """Give the robot's trunk its joints and actuators, before the model is compiled."""

    def reset(
        self, model: mujoco.MjModel, data: mujoco.MjData, start: np.ndarray, rng: np.random.Generator
    ) -> None:
        """Stand at `start`: x [m], y [m], yaw [rad]."""

    def drive(self, data: mujoco.MjData, command: np.ndarray) -> None:
        """Set the controls for one physics step. `command`: body-frame x, y [m/s] and yaw rate [rad/s]."""

    def pose(self, data: mujoco.MjData) -> np.ndarray:
        """x [m], y [m] and yaw [rad] in the world. Shape (3,)."""

    def velocity(self, data: mujoco.MjData) -> np.ndarray:
        """Measured body-frame velocity: x, y [m/s], yaw rate [rad/s]. Shape (3,)."""

    def fallen(self, data: mujoco.MjData) -> bool:
        """Whether the robot has fallen over, or nearly, so that its episode ends."""


def make_base(name: str) -> Base:
    """The base of that name; a ValueError lists the valid ones."""
    if name == "legged":
        return LeggedBase()
    if name == "planar":
        return PlanarBase()
    raise ValueError(f"base must be one of {list(BASES)}, got {name!r}")
