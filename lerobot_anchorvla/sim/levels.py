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

from dataclasses import dataclass, field

from lerobot_anchorvla.sim.places import PlaceRanges, Range, StartArc, StartBox


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


MOVED_PLACE = PlaceRanges(x=(-0.15, 0.15), y=(-0.25, 0.25), yaw=(-0.45, 0.45))

LEVELS: dict[str, Level] = {
    "fixed": Level(),
    "moved": Level(
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.12, 0.17), handles=((0.35, 0.50),)),
        bag=BagRanges(depth=(0.10, 0.14), width=(0.16, 0.22), height=(0.15, 0.20), rise=(0.08, 0.10)),
    ),
    "hard": Level(
        start=StartArc(distance=(1.4, 1.6), bearing=(-0.6, 0.6), turn=(-0.35, 0.35)),
        place=MOVED_PLACE,
        cabinet=CabinetRanges(width=(0.40, 0.60), front=(0.09, 0.10), handles=((0.48, 0.51), (0.35, 0.37))),
        bag=BagRanges(
            depth=(0.10, 0.14),
            width=(0.16, 0.22),
            height=(0.15, 0.20),
            rise=(0.08, 0.10),
            spacing=(0.50, 0.60),
        ),
        clutter=True,
    ),
}
"""The levels by name, from the easiest."""
