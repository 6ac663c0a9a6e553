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

import math
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
class BagRanges:
    """The bags of `lift_bag`.

    Attributes:
        depth, width, height: of a bag without its handle.
        rise: of the handle above the rest.
        spacing: between the middles of two bags; None stands for one bag.
    """

    depth: Range = (0.12, 0.12)
    width: Range = (0.19, 0.19)
    height: Range = (0.18, 0.18)
    rise: Range = (0.09, 0.09)
    spacing: Range | None = None


@dataclass(frozen=True)
class Level:
    """What is drawn for an episode.

    Attributes:
        start: of the robot.
        place: of the furniture.
        cabinet: of `open_drawer`.
        bag: of `lift_bag`.
        clutter: whether other objects stand about.
    """

    start: StartBox | StartArc = field(default_factory=StartBox)
    place: PlaceRanges = field(default_factory=PlaceRanges)
    cabinet: CabinetRanges = field(default_factory=CabinetRanges)
    bag: BagRanges = field(default_factory=BagRanges)
    clutter: bool = False


MOVED_PLACE = PlaceRanges(x=(-0.15, 0.15), y=(-0.25, 0.25), yaw=(-0.35, 0.35))

LEVELS: dict[str, Level] = {
    "fixed": Level(),
    "moved": Level(
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.12, 0.17), handles=((0.35, 0.48),)),
        bag=BagRanges(depth=(0.10, 0.14), width=(0.16, 0.22), height=(0.16, 0.19), rise=(0.08, 0.10)),
    ),
    "hard": Level(
        start=StartArc(distance=(1.4, 1.6), bearing=(-0.5, 0.5), turn=(-0.35, 0.35)),
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.09, 0.10), handles=((0.48, 0.50), (0.35, 0.37))),
        bag=BagRanges(
            depth=(0.10, 0.14),
            width=(0.16, 0.22),
            height=(0.16, 0.19),
            rise=(0.08, 0.10),
            spacing=(0.50, 0.60),
        ),
        clutter=True,
    ),
}
"""The levels by name, from the easiest."""
