"""What a robot can be asked to do in the embedded world: one file a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from lerobot_anchorvla.sim.levels import LEVELS

if TYPE_CHECKING:
    import mujoco

TASKS = {"open_drawer": "open the drawer", "lift_bag": "lift the bag"}
"""Names of the tasks and the instructions given to a policy; readable without MuJoCo."""

EPISODE_LENGTH = 300
"""Ticks after which an episode without success ends unless told otherwise: 20 s. Experts take 5 to 12."""


class Task(Protocol):
    """Furniture, a target to reach, a measure of progress, and a goal.

    Attributes:
        name: in `TASKS`.
        goal: progress above which the task counts as done, in [m].
        named: what the target of this episode is called, such as "upper drawer".
        instruction: of this episode, in words.
    """

    name: str
    goal: float
    named: str
    instruction: str

    def add_to(self, scene: mujoco.MjSpec) -> None:
        """Add the task's furniture to the scene, before it is compiled."""

    def reset(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        """Draw the furniture of an episode and put it into its state at the start."""

    def draw_start(self, rng: np.random.Generator, random_start: bool) -> np.ndarray:
        """Where this episode starts: x [m], y [m] and yaw [rad] of the robot's base. Shape (3,).

        Without `random_start` it is the middle of the range, and `rng` gives as many numbers.
        """

    def target(self, data: mujoco.MjData) -> tuple[np.ndarray, float]:
        """Position (3,) of what to grasp [m] and the heading [rad] that faces it, in the world's frame."""

    def progress(self, data: mujoco.MjData) -> float:
        """How far the task has got, in [m]."""


def make_task(name: str, level: str = "fixed") -> Task:
    """The task of that name and difficulty; a ValueError lists the valid ones."""
    if level not in LEVELS:
        raise ValueError(f"level must be one of {list(LEVELS)}, got {level!r}")
    if name == "open_drawer":
        from lerobot_anchorvla.sim.tasks.open_drawer import OpenDrawer

        return OpenDrawer(LEVELS[level])
    if name == "lift_bag":
        from lerobot_anchorvla.sim.tasks.lift_bag import LiftBag

        return LiftBag(LEVELS[level])
    raise ValueError(f"task must be one of {list(TASKS)}, got {name!r}")
