"""The embedded world: a Unitree Go2 with an SO101 arm on its back, in MuJoCo.

Modules here import MuJoCo through `lerobot_anchorvla.sim.mujoco_api`, which says which extra to install
when it is missing and picks a headless OpenGL backend where there is no display.
"""
