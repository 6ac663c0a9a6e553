"""Short bursts of wrong actions during a demonstration, so that it also shows how to recover.

The robot executes the wrong action and the dataset keeps what the expert wanted (DART, Laskey et al.,
2017). Without them no demonstration ever shows a gripper that closed beside the handle, and a policy that
closes it there once does not know how to go on.
"""

import numpy as np

START_PROBABILITY = 0.03  # of a burst, at each tick without one
BURST_TICKS = (4, 9)
CLOSING_SHARE = 0.5  # of the bursts close the gripper
JOINT_SPREAD = 6.0  # degrees
GRIPPER_COLUMN = 5
VELOCITY_SPREAD = np.array([0.12, 0.06, 0.25])  # m/s, m/s, rad/s


class ActionBursts:
    """Adds a constant error to the action during a burst.

    Args:
        rng: draws when bursts start, how long they are and what they do.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._ticks_left = 0
        self._error = np.zeros(9)
        self._closes = False

    def apply(self, action: np.ndarray) -> np.ndarray:
        """The action (9,) that is executed instead of the expert's."""
        if self._ticks_left == 0 and self._rng.random() < START_PROBABILITY:
            self._ticks_left = int(self._rng.integers(*BURST_TICKS))
            self._closes = bool(self._rng.random() < CLOSING_SHARE)
            self._error[:5] = self._rng.normal(0, JOINT_SPREAD, 5)
            self._error[6:] = self._rng.normal(0, 1, 3) * VELOCITY_SPREAD
        if self._ticks_left == 0:
            return action
        self._ticks_left -= 1
        executed = action + self._error
        if self._closes:
            executed[GRIPPER_COLUMN] = 0.0
        return executed
