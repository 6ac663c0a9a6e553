"""Robots for LeRobot's commands."""
