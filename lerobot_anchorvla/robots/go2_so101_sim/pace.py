"""How regularly actions come to a robot that moves one control period with each of them."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LATE = 1.1  # an action is in time when it comes within this many control periods of the one before
EARLY = 0.8  # and a loop is too fast when they are this many periods apart
JUDGED_TICKS = 30


class Pace:
    """Counts the actions that came in time, and warns once of a loop that runs too fast.

    Args:
        rate: at which the actions should come [Hz].
        clock: seconds from some moment on.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.perf_counter) -> None:
        self._rate = rate
        self._clock = clock
        self._last: float | None = None
        self._periods: list[float] = []

    def restart(self) -> None:
        """The time until the next action is a pause, not a period."""
        self._last = None

    def tick(self) -> None:
        """An action has come."""
        now = self._clock()
        if self._last is not None:
            self._periods.append((now - self._last) * self._rate)
            if len(self._periods) == JUDGED_TICKS:
                self._warn_of_haste()
        self._last = now

    def _warn_of_haste(self) -> None:
        apart = statistics.median(self._periods)
        if apart < EARLY:
            logger.warning(
                "Actions come at %.0f Hz, and each moves the simulated robot by 1/%g s: give --fps=%g "
                "(--dataset.fps=%g when recording).",
                *(self._rate / apart, self._rate, self._rate, self._rate),
            )

    @property
    def share(self) -> float:
        """Of the actions, those that came in time: 0 to 1."""
        return sum(period <= LATE for period in self._periods) / max(len(self._periods), 1)

    def __str__(self) -> str:
        count = len(self._periods)
        rate = self._rate * count / sum(self._periods) if count else 0.0
        return (
            f"{count} control periods at {rate:.1f} Hz on average; "
            f"{100 * self.share:.0f} percent of the actions came in time for {self._rate:g} Hz"
        )
