"""How the robot is put together: names and figures that need no MuJoCo."""

LEGS = ("FL", "FR", "RL", "RR")
LEG_PARTS = ("hip", "thigh", "calf")
ARM_PREFIX = "arm_"
"""Before the name of everything that belongs to the arm."""

ARM_MOUNT = (0.21, 0.0, 0.058)
"""Where the arm's base frame sits in the frame of the quadruped's trunk [m]."""
