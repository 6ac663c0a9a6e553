"""What a real robot suffers and a simulated one does not, as options with names and units."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

DEFAULT_STRENGTHS: dict[str, float] = {
    "base_drift": 0.03,
    "push_force": 60.0,
    "command_latency": 1,
    "dropped_ticks": 0.07,
    "camera_delay": 1,
    "joint_noise": 0.75,
    "velocity_noise": 0.03,
    "target_noise": 0.003,
}
"""Strength of each kind at scale 1, in the units of `Disturbances`; measured in docs/world.md."""

_WHOLE = ("command_latency", "camera_delay")  # in ticks


@dataclass(kw_only=True)
class Disturbances:
    """Strength of each kind of disturbance.

    A kind that is left empty takes `scale` times its default, rounded to whole ticks where it counts ticks; a
    kind that is set by itself is what it is set to, and 0 switches it off.
    """

    # Times the default strength of every kind that is not set by itself: 0 is none, 1 the default.
    scale: float = 0.0
    # Slow drift of the base's velocity, root mean square in m/s of each direction; the yaw rate drifts by
    # three times the number in rad/s. It forgets itself in about one second.
    base_drift: float | None = None
    # Horizontal force in N that pushes the trunk now and then, in any direction, for three ticks.
    push_force: float | None = None
    # Mean time between two pushes in s. It is no strength: scale leaves it alone.
    push_interval: float = 4.0
    # Ticks (of 1/15 s) between a command and its execution.
    command_latency: int | None = None
    # Probability that a tick's command is lost; the robot then repeats the last one that arrived.
    dropped_ticks: float | None = None
    # Ticks by which the camera images are late.
    camera_delay: int | None = None
    # Noise of the measured joints, standard deviation in degrees (of the gripper: in hundredths of its way).
    joint_noise: float | None = None
    # Noise of the base's measured velocity, standard deviation in m/s; of the yaw rate three times the
    # number in rad/s.
    velocity_noise: float | None = None
    # Noise of the target's position and of the task's progress, standard deviation in m; of the target's
    # heading three times the number in rad.
    target_noise: float | None = None

    @classmethod
    def of(cls, strengths: dict[str, Any]) -> Disturbances:
        """From the fields' names and values; a ValueError lists the valid names."""
        valid = [each.name for each in fields(cls)]
        if unknown := sorted(set(strengths) - set(valid)):
            raise ValueError(f"disturbances must be one of {valid}, got {', '.join(map(repr, unknown))}")
        return cls(**strengths)

    def strength(self, kind: str) -> float:
        """Of one kind, a key of `DEFAULT_STRENGTHS`, in its unit."""
        own = getattr(self, kind)
        if own is not None:
            return own
        scaled = self.scale * DEFAULT_STRENGTHS[kind]
        return math.floor(scaled + 0.5) if kind in _WHOLE else scaled

    def resolved(self) -> dict[str, float]:
        """The strength of every kind and the push interval, whatever the defaults may become."""
        return {kind: self.strength(kind) for kind in DEFAULT_STRENGTHS} | {
            "push_interval": self.push_interval
        }

    def check(self, prefix: str = "disturbances.") -> None:
        """Raises a ValueError that names the first invalid field, `prefix` before its name."""
        for name in (each.name for each in fields(self)):
            value = getattr(self, name)
            if value is not None:
                _check(prefix + name, value, whole=name in _WHOLE)
        if self.push_interval == 0:
            raise ValueError(f"{prefix}push_interval must be greater than 0, got {self.push_interval}")
        if self.strength("dropped_ticks") > 1:
            cause = "dropped_ticks" if self.dropped_ticks is not None else "scale"
            most = 1 if cause == "dropped_ticks" else 1 / DEFAULT_STRENGTHS["dropped_ticks"]
            raise ValueError(
                f"{prefix}{cause} must be at most {most:g}, got {getattr(self, cause)}: "
                "dropped_ticks is a probability"
            )


def _check(name: str, value: Any, whole: bool) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 <= value < math.inf or (whole and value != int(value)):
        kind = "a whole number of ticks" if whole else "a finite number"
        raise ValueError(f"{name} must be {kind}, at least 0; got {value!r}")
