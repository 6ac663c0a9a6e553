"""What the embedded world is made of: the options that its environment, robot and recordings share."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.tasks import TASKS


@dataclass(kw_only=True)
class WorldOptions:
    """Task, base, difficulty, and what is drawn anew for every episode. Needs no MuJoCo."""

    # What to do: open_drawer or lift_bag.
    task: str = "open_drawer"
    # What carries the arm: legged (a gait on its own feet) or planar (quick: servos that shake like a gait).
    base: str = "legged"
    # How much differs between episodes: fixed, moved or hard.
    level: str = "fixed"
    # Draw where the robot starts; else it starts in the middle of its range.
    random_start: bool = True
    # Draw the colours of furniture, floor and sky.
    random_appearance: bool = False
    # Draw the direction and the brightness of the light.
    random_lighting: bool = False
    # Draw the instruction among several wordings.
    random_wording: bool = False
    # What disturbs the robot.
    disturbances: Disturbances = field(default_factory=Disturbances)

    def __post_init__(self) -> None:
        if isinstance(self.disturbances, dict):  # from JSON or from gym.make
            self.disturbances = Disturbances.of(self.disturbances)
        if not isinstance(self.disturbances, Disturbances):
            raise ValueError(
                "disturbances must be Disturbances or their names and values, such as {'scale': 1}; "
                f"got {self.disturbances!r}"
            )

    def check_world(self, prefix: str = "") -> None:
        """Raises a ValueError that names the first invalid field, `prefix` before its name."""
        for name, valid in (("task", list(TASKS)), ("base", list(BASES)), ("level", list(LEVELS))):
            if getattr(self, name) not in valid:
                raise ValueError(f"{prefix}{name} must be one of {valid}, got {getattr(self, name)!r}")
        self.disturbances.check(f"{prefix}disturbances.")

    def world_options(self) -> dict[str, Any]:
        """These fields alone, of an object that has others beside them: the arguments of `WorldOptions`."""
        return {each.name: getattr(self, each.name) for each in fields(WorldOptions)}
