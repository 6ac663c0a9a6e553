"""LeRobot's configuration of the simulated Go2 + SO101: `--robot.type=go2_so101_sim`."""

from __future__ import annotations

from dataclasses import dataclass

from lerobot.robots.config import RobotConfig

from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import IMAGE_SIZE, check_image_size


@RobotConfig.register_subclass("go2_so101_sim")
@dataclass(kw_only=True)
class Go2SO101SimConfig(WorldOptions, RobotConfig):
    """A Unitree Go2 with an SO101 arm on its back, in MuJoCo. It needs no hardware and no display."""

    # Seed of the first episode; each reset of the world draws the next one.
    seed: int = 0
    # Height of the camera images, in pixels.
    image_height: int = IMAGE_SIZE
    # Width of the camera images, in pixels.
    image_width: int = IMAGE_SIZE
    # Show the world in MuJoCo's viewer; needs a display.
    viewer: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world("robot.")
        check_image_size(self.image_height, self.image_width, "robot.")
        if self.seed < 0:
            raise ValueError(f"robot.seed must be at least 0, got {self.seed}")
