"""How much differs between the episodes of a task: the levels and all their ranges. Needs no MuJoCo.

- `fixed`: the furniture never changes; the robot starts within a few centimetres and degrees of one place.
- `moved`: the furniture is also placed and turned at random, and its size and handle height are drawn.
- `hard`: the robot also starts about 1.5 m from the target, in any direction in which its front camera sees
  the target; other objects stand beside and behind; and there are two handles of which the instruction names
  one.

Every number is drawn uniformly from its range, independently of the others. Lengths are in [m], angles in
[rad].
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

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

    def point(self, position: Sequence[float]) -> np.ndarray:
        """A position (3,) in the frame of this place, as one in the frame of the world."""
        cos, sin = np.cos(self.yaw), np.sin(self.yaw)
        x, y, z = position
        return np.array([self.x + cos * x - sin * y, self.y + sin * x + cos * y, z])


@dataclass(frozen=True)
class StartBox:
    """Starts about the origin of the world; at the middle of the ranges the robot faces along x."""

    x: Range = (-0.08, 0.08)
    y: Range = (-0.15, 0.15)
    yaw: Range = (-0.15, 0.15)

    @property
    def ranges(self) -> tuple[Range, Range, Range]:
        return self.x, self.y, self.yaw

    def pose(self, drawn: np.ndarray, target: np.ndarray, heading: float) -> np.ndarray:
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

    def pose(self, drawn: np.ndarray, target: np.ndarray, heading: float) -> np.ndarray:
        """x [m], y [m] and yaw [rad] of the robot's base for drawn numbers (3,). Shape (3,).

        Args:
            drawn: one number from each of `ranges`.
            target: position of the target in the world [m]. Shape (3,).
            heading: from which to face it [rad].
        """
        distance, bearing, turn = drawn
        way = heading + bearing
        x, y = target[:2] - distance * np.array([np.cos(way), np.sin(way)])
        return np.array([x, y, way + turn])


def draw_start(
    start: StartBox | StartArc,
    rng: np.random.Generator,
    random_start: bool,
    target: np.ndarray,
    heading: float,
) -> np.ndarray:
    """Where an episode starts: x [m], y [m] and yaw [rad] of the robot's base. Shape (3,).

    Args:
        start: the ranges.
        rng: gives three numbers, also where they are not used: the switch leaves the rest of a seed alone.
        random_start: else the start is the middle of the ranges.
        target: position of the target in the world [m]. Shape (3,).
        heading: from which to face it [rad].
    """
    drawn = draw(start.ranges, rng)
    return start.pose(drawn if random_start else np.mean(start.ranges, axis=1), target, heading)


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


@dataclass(frozen=True)
class CabinetRanges:
    """The cabinet of `open_drawer`.

    Attributes:
        width: of the cabinet.
        front: height of a drawer's front.
        handles: heights of the handles above the floor, one range for each drawer, from the top.
    """

    width: Range = (0.50, 0.50)
    front: Range = (0.16, 0.16)
    handles: tuple[Range, ...] = ((0.42, 0.42),)


@dataclass(frozen=True)
class Level:
    """What is drawn for an episode.

    Attributes:
        start: of the robot.
        place: of the furniture.
        cabinet: of `open_drawer`.
        clutter: whether other objects stand about.
    """

    start: StartBox | StartArc = field(default_factory=StartBox)
    place: PlaceRanges = field(default_factory=PlaceRanges)
    cabinet: CabinetRanges = field(default_factory=CabinetRanges)
    clutter: bool = False


MOVED_PLACE = PlaceRanges(x=(-0.15, 0.15), y=(-0.25, 0.25), yaw=(-0.35, 0.35))

LEVELS: dict[str, Level] = {
    "fixed": Level(),
    "moved": Level(
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.12, 0.17), handles=((0.35, 0.48),)),
    ),
    "hard": Level(
        start=StartArc(distance=(1.4, 1.6), bearing=(-0.5, 0.5), turn=(-0.35, 0.35)),
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.09, 0.10), handles=((0.48, 0.50), (0.35, 0.37))),
        clutter=True,
    ),
}
"""The levels by name, from the easiest."""
