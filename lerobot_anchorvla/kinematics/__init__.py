"""Kinematics of the arms that the robots carry, in plain numpy."""
