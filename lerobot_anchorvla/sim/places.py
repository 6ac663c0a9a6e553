"""Places on the floor and how they are drawn: lengths are in [m], angles in [rad]. Needs no MuJoCo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Range = tuple[float, float]
"""The lowest and the highest value."""


def draw(ranges: Sequence[Range], rng: np.random.Generator) -> np.ndarray:
    """One number from each range. Shape (len(ranges),)."""
    low, high = np.transpose(ranges)
    return rng.uniform(low, high)


@dataclass(frozen=True)
class Place:
    """Where something stands on the floor, in the world's frame unless said otherwise."""

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0

    @property
    def quaternion(self) -> list[float]:
        """The yaw as (w, x, y, z)."""
        return [math.cos(self.yaw / 2), 0.0, 0.0, math.sin(self.yaw / 2)]

    def beside(self, x: float, y: float) -> Place:
        """The place that lies `x` ahead and `y` to the left in the frame of this one, with the same yaw."""
        cos, sin = math.cos(self.yaw), math.sin(self.yaw)
        return Place(self.x + cos * x - sin * y, self.y + sin * x + cos * y, self.yaw)


@dataclass(frozen=True)
class StartBox:
    """Starts about the origin of the world; at the middle of the ranges the robot faces along x."""

    x: Range = (-0.08, 0.08)
    y: Range = (-0.15, 0.15)
    yaw: Range = (-0.15, 0.15)

    @property
    def ranges(self) -> tuple[Range, Range, Range]:
        return self.x, self.y, self.yaw

    def pose(self, drawn: np.ndarray, target: Place) -> np.ndarray:
        """See `StartArc.pose`; here the target does not matter."""
        return drawn


@dataclass(frozen=True)
class StartArc:
    """Starts on an arc about the target.

    Attributes:
        distance: of the base's middle from the target, on the floor.
        bearing: of the way to the target, from the heading that faces the target squarely.
        turn: of the robot, from the way to the target.
    """

    distance: Range
    bearing: Range
    turn: Range

    @property
    def ranges(self) -> tuple[Range, Range, Range]:
        return self.distance, self.bearing, self.turn

    def pose(self, drawn: np.ndarray, target: Place) -> np.ndarray:
        """x [m], y [m] and yaw [rad] of the robot's base. Shape (3,).

        Args:
            drawn: one number from each of `ranges`. Shape (3,).
            target: where it is; its yaw is the heading that faces it squarely.
        """
        distance, bearing, turn = drawn
        way = target.yaw + bearing
        return np.array([target.x - distance * np.cos(way), target.y - distance * np.sin(way), way + turn])


def draw_start(
    start: StartBox | StartArc, rng: np.random.Generator, random_start: bool, target: Place
) -> np.ndarray:
    """Where an episode starts: x [m], y [m] and yaw [rad] of the robot's base. Shape (3,).

    Args:
        start: the ranges.
        rng: gives three numbers, also where they are not used: the switch leaves the rest of a seed alone.
        random_start: else the start is the middle of the ranges.
        target: where the target is; its yaw is the heading that faces it squarely.
    """
    drawn = draw(start.ranges, rng)
    return start.pose(drawn if random_start else np.mean(start.ranges, axis=1), target)


@dataclass(frozen=True)
class PlaceRanges:
    """How far the furniture stands from its place at `fixed`."""

    x: Range = (0.0, 0.0)
    y: Range = (0.0, 0.0)
    yaw: Range = (0.0, 0.0)

    def draw(self, rng: np.random.Generator, fixed: Place) -> Place:
        """A place near the one at `fixed`."""
        x, y, yaw = draw((self.x, self.y, self.yaw), rng).tolist()
        return Place(fixed.x + x, fixed.y + y, fixed.yaw + yaw)
