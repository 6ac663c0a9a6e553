"""A Unitree Go2 with an SO101 arm in the embedded world, as Gymnasium environments and a LeRobot config."""

import gymnasium

from lerobot_anchorvla.sim.signals import ACTION_NAMES, CAMERAS, STATE_NAMES, TARGET_NAMES

GYM_IDS = {
    "open_drawer": "lerobot_anchorvla/Go2SO101OpenDrawer-v0",
    "lift_bag": "lerobot_anchorvla/Go2SO101LiftBag-v0",
}
"""Gymnasium's id of the environment of each task."""

# The entry point is a string, so that registering needs no MuJoCo. The environment ends its episodes itself.
for _task, _id in GYM_IDS.items():
    gymnasium.register(
        id=_id, entry_point="lerobot_anchorvla.envs.go2_so101.env:Go2SO101Env", kwargs={"task": _task}
    )

__all__ = ["ACTION_NAMES", "CAMERAS", "GYM_IDS", "STATE_NAMES", "TARGET_NAMES"]
