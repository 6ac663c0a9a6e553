"""LeRobot's configuration of the scripted expert: `--teleop.type=go2_so101_expert`."""

from __future__ import annotations

from dataclasses import dataclass

from lerobot.teleoperators.config import TeleoperatorConfig

from lerobot_anchorvla.sim.experts import mode_names
from lerobot_anchorvla.sim.tasks import TASKS


@TeleoperatorConfig.register_subclass("go2_so101_expert")
@dataclass(kw_only=True)
class Go2SO101ExpertConfig(TeleoperatorConfig):
    """A scripted expert that does the task of the simulated robot (go2_so101_sim), again and again."""

    # The way in which to do the task, such as left-base; null draws one for every attempt.
    mode: str | None = None
    # Seed of the drawn modes.
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"teleop.seed must be at least 0, got {self.seed}")
        known = sorted({mode for task in TASKS for mode in mode_names(task)})
        if self.mode is not None and self.mode not in known:
            raise ValueError(f"teleop.mode must be one of {known}, got {self.mode!r}")
