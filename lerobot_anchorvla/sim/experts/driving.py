"""How a scripted expert drives the base: to a stance in front of what it grasps."""

from __future__ import annotations

import numpy as np

GAIN = 1.6  # [1/s]
SPEED_LIMITS = np.array([0.36, 0.18, 0.60])  # [m/s], [m/s], [rad/s]


def drive_to_stance(stance_error: np.ndarray, heading_error: float, slack: float) -> np.ndarray:
    """Velocity (3,) that takes the base to its stance, and lets it rest within `slack` of it.

    Args:
        stance_error: way of the base to its stance, in its own frame [m]. Shape (2,).
        heading_error: turn to its heading there [rad].
        slack: distance [m] and angle [rad] that are left to the arm.
    """
    remaining = float(np.linalg.norm(stance_error))
    linear = GAIN * max(0.0, 1 - slack / max(remaining, 1e-6)) * stance_error
    linear *= min(1.0, *(SPEED_LIMITS[:2] / np.maximum(np.abs(linear), 1e-6)))  # the direction is kept
    turn = GAIN * np.sign(heading_error) * max(0.0, abs(heading_error) - slack)
    return np.array([*linear, np.clip(turn, -SPEED_LIMITS[2], SPEED_LIMITS[2])])


def wrapped(angle: float) -> float:
    """The same angle in [-pi, pi) [rad]."""
    return float((angle + np.pi) % (2 * np.pi) - np.pi)
