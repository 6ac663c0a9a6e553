"""Confidence intervals of success rates."""

from dataclasses import dataclass
from math import sqrt

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """`successes` of `trials`, with Wilson's interval.

    Wilson's interval stays inside [0, 1] and is not empty at 0 of n and n of n, where the usual normal
    approximation claims certainty.
    """

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if self.trials < 1 or not 0 <= self.successes <= self.trials:
            raise ValueError(
                "a rate needs 0 <= successes <= trials and trials >= 1, "
                f"got {self.successes} of {self.trials}"
            )

    @property
    def value(self) -> float:
        """k / n."""
        return self.successes / self.trials

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper end of the 95 percent interval.

        (p + z^2 / 2n -+ z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n), with p = k / n.
        """
        n, p, z2 = self.trials, self.value, _Z95**2
        centre = p + z2 / (2 * n)
        margin = _Z95 * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
        scale = 1 + z2 / n
        return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)

    @property
    def brief(self) -> str:
        """For the cells of a table, such as 9 of 10 (60 to 98 %)."""
        low, high = self.interval
        return f"{self.successes} of {self.trials} ({100 * low:.0f} to {100 * high:.0f} %)"

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{100 * self.value:.0f} % ({self.successes} of {self.trials}, "
            f"95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
        )
