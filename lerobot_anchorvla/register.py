"""Registers the plugin's configurations with LeRobot; light, because every LeRobot command imports it."""

import lerobot_anchorvla.envs.go2_so101.configuration_go2_so101
import lerobot_anchorvla.policy.configuration_anchorvla  # noqa: F401
