"""Registers the plugin's configurations with LeRobot; light, because every LeRobot command imports it."""

import lerobot_anchorvla.envs.go2_so101.configuration_go2_so101
import lerobot_anchorvla.policy.configuration_anchorvla
import lerobot_anchorvla.robots.go2_so101_sim.configuration_go2_so101_sim
import lerobot_anchorvla.teleoperators.go2_so101_expert.configuration_go2_so101_expert  # noqa: F401
