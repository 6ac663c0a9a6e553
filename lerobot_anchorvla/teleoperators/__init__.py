"""Teleoperators for LeRobot's commands."""
