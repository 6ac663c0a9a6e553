"""One or two bags with stiff handles that stand on the floor: how they are drawn and how they are built."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.sim.levels import BagRanges, Level
from lerobot_anchorvla.sim.looks import add_surfaces
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import Place, draw
from lerobot_anchorvla.sim.tasks.clutter import Item, add_clutter, draw_clutter, spots
from lerobot_anchorvla.sim.tasks.naming import prefix

BOX = mujoco.mjtGeom.mjGEOM_BOX
CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE

FIXED_PLACE = Place(1.6, 0.0, 0.0)  # of the bag, or of the middle between two
SOLE_HEIGHT, TOP_HEIGHT = 0.02, 0.03  # of the lowest and the highest part of a bag [m]
TOP_INSET = 0.012  # of the narrower top, each way [m]
HANDLE_LENGTH, HANDLE_RADIUS = 0.10, 0.006  # of the bar that is grasped [m]
CLUTTER_SPOTS = spots(beside=(0.75, 1.00), behind=(0.60, 1.00))


@dataclass(frozen=True)
class Bag:
    """A bag as one episode has it.

    Attributes:
        named: what it is called in an instruction.
        place: of its middle; yaw is the heading that faces its pocket.
        depth, width, height: without the handle [m].
        handle: height of the handle above the floor [m].
    """

    named: str
    place: Place
    depth: float
    width: float
    height: float
    handle: float

    @property
    def body_height(self) -> float:
        """Where the wide part ends [m]."""
        return self.height - TOP_HEIGHT

    def outline(self) -> tuple[np.ndarray, np.ndarray]:
        """Centres (P, 3) in the bag's frame and radii (P,) of balls whose lowest point is the bag's [m]."""
        d, w = self.depth / 2, self.width / 2
        sides = list(itertools.product((-1, 1), (-1, 1)))
        wide = [(x * d, y * w, z) for x, y in sides for z in (0.0, self.body_height)]
        narrow = [(x * (d - TOP_INSET), y * (w - TOP_INSET), self.height) for x, y in sides]
        bar = [(0.0, y * HANDLE_LENGTH / 2, self.handle) for y in (-1, 1)]
        radii = np.repeat([0.0, HANDLE_RADIUS], [len(wide) + len(narrow), len(bar)])
        return np.array(wide + narrow + bar), radii


@dataclass(frozen=True)
class Bags:
    """What stands on the floor in one episode.

    Attributes:
        place: of the bag, or of the middle between two.
        bags: one, or a red and a blue one.
        target: number of the bag to lift.
        clutter: objects that stand about.
    """

    place: Place
    bags: tuple[Bag, ...]
    target: int
    clutter: tuple[Item, ...]

    @property
    def wanted(self) -> Bag:
        return self.bags[self.target]


def draw_bags(level: Level, rng: np.random.Generator) -> Bags:
    """The bags of one episode: a function of the level and of the generator alone."""
    place = level.place.draw(rng, FIXED_PLACE)
    ranges = level.bag
    if ranges.spacing is None:
        bags = [_draw_bag("bag", place, ranges, rng)]
    else:
        aside = draw((ranges.spacing,), rng).item() / 2 * rng.choice((-1, 1))
        bags = [
            _draw_bag(named, place.beside(0.0, y), ranges, rng)
            for named, y in (("red bag", aside), ("blue bag", -aside))
        ]
    return Bags(
        place=place,
        bags=tuple(bags),
        target=int(rng.integers(len(bags))),
        clutter=draw_clutter(CLUTTER_SPOTS, rng) if level.clutter else (),
    )


def _draw_bag(named: str, place: Place, ranges: BagRanges, rng: np.random.Generator) -> Bag:
    sizes = (ranges.depth, ranges.width, ranges.height, ranges.rise)
    depth, width, height, rise = draw(sizes, rng).tolist()
    return Bag(named, place, depth, width, height, height + rise)


def add_bags(scene: mujoco.MjSpec, bags: Bags) -> None:
    """Add the bags, and what stands about them, to a scene. Bodies, joints, geoms and sites have names.

    The bags' bodies are in the middle of the world: their free joints say where they stand.
    """
    add_surfaces(scene, "bag_trim", "bag_handle")
    for bag in bags.bags:
        before = prefix(bag.named)
        add_surfaces(scene, f"{before}bag", f"{before}bag_pocket")
        body = scene.worldbody.add_body(name=f"{before}bag")
        body.add_freejoint(name=f"{before}bag")
        _add_body(body, before, bag)
        _add_handle(body, before, bag)
    if bags.clutter:
        add_clutter(scene, bags.place, bags.clutter)


def _add_body(body: mujoco.MjsBody, before: str, bag: Bag) -> None:
    """Sole, body, top and a pocket on the side that the robot sees first. `before`: prefix of the names."""
    d, w, inset = bag.depth / 2, bag.width / 2, TOP_INSET
    layers = (
        ("sole", 0.0, SOLE_HEIGHT, 0.0, "bag_trim", 0.12),
        ("body", SOLE_HEIGHT, bag.body_height, 0.0, f"{before}bag", 0.05),
        ("top", bag.body_height, bag.height, inset, "bag_trim", 0.02),
    )
    for name, low, high, narrower, material, mass in layers:
        body.add_geom(
            name=f"{before}bag_{name}",
            type=BOX,
            size=[d - narrower, w - narrower, (high - low) / 2],
            pos=[0, 0, (low + high) / 2],
            material=material,
            mass=mass,
            friction=[0.8, 0.02, 0.01],
        )
    body.add_geom(
        name=f"{before}bag_pocket",
        type=BOX,
        size=[0.005, 0.6 * w, 0.04],
        pos=[-d, 0, 0.075],
        material=f"{before}bag_pocket",
        mass=0,
        contype=0,
        conaffinity=0,
    )


def _add_handle(body: mujoco.MjsBody, before: str, bag: Bag) -> None:
    """An arch: a horizontal bar on two posts that lean towards each other. `before`: prefix of the names."""
    end, foot = HANDLE_LENGTH / 2, bag.width / 2 - 2 * TOP_INSET
    low, high = bag.body_height, bag.handle
    bars = {
        "bar": [0, -end, high, 0, end, high],
        "right_post": [0, -foot, low, 0, -end, high],
        "left_post": [0, foot, low, 0, end, high],
    }
    for name, ends in bars.items():
        body.add_geom(
            name=f"{before}handle_{name}",
            type=CAPSULE,
            fromto=ends,
            size=[HANDLE_RADIUS, 0, 0],
            material="bag_handle",
            mass=0.005,
            friction=[1.2, 0.05, 0.001],
            condim=4,
        )
    body.add_site(name=f"{before}handle", pos=[0, 0, high], group=5)
