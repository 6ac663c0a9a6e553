"""The scripted expert as a LeRobot teleoperator: `--teleop.type=go2_so101_expert`."""

from lerobot_anchorvla.teleoperators.go2_so101_expert.configuration_go2_so101_expert import (
    Go2SO101ExpertConfig,
)
from lerobot_anchorvla.teleoperators.go2_so101_expert.go2_so101_expert import Go2SO101Expert

__all__ = ["Go2SO101Expert", "Go2SO101ExpertConfig"]
