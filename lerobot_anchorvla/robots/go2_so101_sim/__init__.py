"""The embedded world as a LeRobot robot: `--robot.type=go2_so101_sim`."""

from lerobot_anchorvla.robots.go2_so101_sim.configuration_go2_so101_sim import Go2SO101SimConfig
from lerobot_anchorvla.robots.go2_so101_sim.go2_so101_sim import Go2SO101Sim

__all__ = ["Go2SO101Sim", "Go2SO101SimConfig"]
