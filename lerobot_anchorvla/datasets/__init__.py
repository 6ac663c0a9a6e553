"""Makers of LeRobot datasets."""
