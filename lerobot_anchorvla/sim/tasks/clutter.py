"""Objects that stand beside and behind the furniture, never where the robot has to go."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.sim.looks import add_surfaces
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import Place, Range, draw

BOXES, CYLINDERS = ("carton", "crate"), ("bin", "barrel")
"""Names of the objects, and of their materials in `looks.SURFACES`."""

RADIUS: Range = (0.06, 0.13)  # of a cylinder, and from the middle to the corners of a box [m]
HEIGHT: Range = (0.15, 0.90)  # [m]


@dataclass(frozen=True)
class Spot:
    """Where the middle of one object can be, in the frame of the furniture: x is behind it, y to its left."""

    x: Range
    y: Range


@dataclass(frozen=True)
class Item:
    """One object; its place is in the frame of the furniture.

    Attributes:
        place: of its middle, on the floor.
        radius: of a cylinder; half the diagonal of a box's floor plan [m].
        aspect: angle between the diagonal and the long side of a box's floor plan [rad].
        height: [m].
    """

    place: Place
    radius: float
    aspect: float
    height: float

    @property
    def box_size(self) -> list[float]:
        """Half sizes [m]."""
        return [self.radius * math.cos(self.aspect), self.radius * math.sin(self.aspect), self.height / 2]

    @property
    def cylinder_size(self) -> list[float]:
        """Radius and half height [m]."""
        return [self.radius, self.height / 2, 0.0]


def spots(beside: Range, behind: Range) -> tuple[Spot, ...]:
    """Two spots beside the furniture and two behind it; objects on them do not touch each other.

    Args:
        beside: how far to the side of the furniture's middle the first two are [m].
        behind: how far behind its front the other two are [m].
    """
    return tuple(
        Spot(x, side)
        for x, (low, high) in (((0.15, 0.30), beside), (behind, (0.15, 0.60)))
        for side in ((low, high), (-high, -low))
    )


def draw_clutter(places: tuple[Spot, ...], rng: np.random.Generator) -> tuple[Item, ...]:
    """One object on each spot, in the order of `BOXES` and `CYLINDERS`."""
    order = rng.permutation(len(places))
    return tuple(_draw_item(places[i], rng) for i in order)


def _draw_item(spot: Spot, rng: np.random.Generator) -> Item:
    ranges = (spot.x, spot.y, (0.0, math.pi), RADIUS, (math.pi / 6, math.pi / 4), HEIGHT)
    x, y, yaw, radius, aspect, height = draw(ranges, rng).tolist()
    return Item(Place(x, y, yaw), radius, aspect, height)


def add_clutter(scene: mujoco.MjSpec, around: Place, items: tuple[Item, ...]) -> None:
    """Add the objects about the furniture that stands at `around`."""
    body = scene.worldbody.add_body(name="clutter", pos=[around.x, around.y, 0], quat=around.quaternion)
    add_surfaces(scene, *BOXES, *CYLINDERS)
    for name, item in zip(BOXES + CYLINDERS, items, strict=True):
        is_box = name in BOXES
        body.add_geom(
            name=name,
            type=mujoco.mjtGeom.mjGEOM_BOX if is_box else mujoco.mjtGeom.mjGEOM_CYLINDER,
            size=item.box_size if is_box else item.cylinder_size,
            material=name,
            pos=[item.place.x, item.place.y, item.height / 2],
            quat=item.place.quaternion,
        )
