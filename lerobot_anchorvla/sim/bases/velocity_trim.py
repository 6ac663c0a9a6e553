"""Feedback that makes a learned gait keep to its command."""

from __future__ import annotations

import numpy as np


class VelocityTrim:
    """Makes the gait's mean velocity the commanded one, as a walking robot's own controller does.

    By itself the gait does not answer small commands, and drifts while it turns. The trimmed command is

        u = c + b clip(c / w, -1, 1) + k e + i integral(e dt),   e = filtered c - filtered v,

    with the command c and the measured velocity v. The filter takes the strides out of v; on c it makes
    the two comparable, so that nothing builds up while the robot gathers speed.
    """

    _smoothing = 0.15  # time constant of the filter [s]
    _dead_zone = np.array([0.08, 0.10, 0.0])  # b: what the gait ignores [m/s], [m/s], [rad/s]
    _edge = 0.03  # w: commands below are small [m/s]
    _proportional, _integral = 1.0, 2.0  # k, and i [1/s]
    _limit = np.array([0.4, 0.3, 0.6])  # of the integral part: [m/s], [m/s], [rad/s]

    def __init__(self, period: float) -> None:
        self._period = period
        self._error: np.ndarray = np.zeros(3)
        self._sum: np.ndarray = np.zeros(3)

    def __call__(self, command: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """Trimmed command (3,) for the command (3,) and the measured velocity (3,): [m/s], [m/s], [rad/s]."""
        share = self._period / (self._smoothing + self._period)
        self._error += share * (command - measured - self._error)
        self._sum += self._integral * self._period * self._error
        self._sum = np.clip(self._sum, -self._limit, self._limit)
        offset = self._dead_zone * np.clip(command / self._edge, -1.0, 1.0)
        return command + offset + self._proportional * self._error + self._sum
