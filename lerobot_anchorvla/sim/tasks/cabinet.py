"""A cabinet with one or two drawers and horizontal bar handles: how it is drawn and how it is built."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.sim.levels import Level
from lerobot_anchorvla.sim.looks import add_surfaces
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import Place, draw
from lerobot_anchorvla.sim.tasks.clutter import Item, add_clutter, draw_clutter, spots
from lerobot_anchorvla.sim.tasks.naming import prefix

BOX = mujoco.mjtGeom.mjGEOM_BOX
CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE

FIXED_PLACE = Place(1.75, 0.0, 0.0)  # of the middle of the front
DEPTH, HEIGHT = 0.40, 0.62  # of the cabinet [m]
GAP = 0.003  # between a drawer's front and the boards above and below [m]
HANDLE_DISTANCE = 0.052  # from the front to the middle of the bar [m]
TRAVEL = 0.25  # of a drawer [m]
CLUTTER_SPOTS = spots(beside=(0.50, 0.75), behind=(0.65, 1.00))


@dataclass(frozen=True)
class Cabinet:
    """A cabinet as one episode has it.

    Attributes:
        place: of the middle of the front; yaw is the heading that faces it.
        width: [m].
        front: height of a drawer's front [m].
        handles: heights of the handles above the floor [m], one for each drawer, from the top.
        target: number of the drawer to open.
        clutter: objects that stand about.
    """

    place: Place
    width: float
    front: float
    handles: tuple[float, ...]
    target: int
    clutter: tuple[Item, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the drawers are called in an instruction."""
        return ("drawer",) if len(self.handles) == 1 else ("upper drawer", "lower drawer")

    @property
    def handle_place(self) -> Place:
        """Where the handle to pull is while its drawer is closed; its yaw is that of the cabinet."""
        return self.place.beside(-HANDLE_DISTANCE, 0.0)


def draw_cabinet(level: Level, rng: np.random.Generator) -> Cabinet:
    """The cabinet of one episode: a function of the level and of the generator alone."""
    place = level.place.draw(rng, FIXED_PLACE)
    width, front, *handles = draw(
        (level.cabinet.width, level.cabinet.front, *level.cabinet.handles), rng
    ).tolist()
    return Cabinet(
        place=place,
        width=width,
        front=front,
        handles=tuple(handles),
        target=int(rng.integers(len(handles))),
        clutter=draw_clutter(CLUTTER_SPOTS, rng) if level.clutter else (),
    )


def add_cabinet(scene: mujoco.MjSpec, cabinet: Cabinet) -> None:
    """Add the cabinet, and what stands about it, to a scene. Bodies, joints, geoms and sites have names."""
    add_surfaces(scene, "cabinet", "drawer", "drawer_handle")
    place = cabinet.place
    body = scene.worldbody.add_body(name="cabinet", pos=[place.x, place.y, 0], quat=place.quaternion)
    for name, (size, position) in _boards(cabinet).items():
        body.add_geom(name=f"cabinet_{name}", type=BOX, size=size, pos=position, material="cabinet")
    for name, height in zip(cabinet.names, cabinet.handles, strict=True):
        drawer = body.add_body(name=f"{prefix(name)}drawer", pos=[0, 0, height])
        _add_drawer(drawer, prefix(name), cabinet)
        scene.add_exclude(bodyname1="cabinet", bodyname2=drawer.name)  # the drawer's box would jam
    if cabinet.clutter:
        add_clutter(scene, place, cabinet.clutter)


def _boards(cabinet: Cabinet) -> dict[str, tuple[list[float], list[float]]]:
    """Half sizes and positions of the boards that do not move."""
    d, w, h = DEPTH / 2, cabinet.width / 2, HEIGHT / 2
    reach = cabinet.front / 2 + GAP
    openings = [(height - reach, height + reach) for height in reversed(cabinet.handles)]  # from the floor
    below, above = openings[0][0], openings[-1][1]
    boards = {
        "left": ([d, 0.01, h], [d, w, h]),
        "right": ([d, 0.01, h], [d, -w, h]),
        "top": ([d, w, 0.01], [d, 0, HEIGHT]),
        "bottom": ([d, w, 0.01], [d, 0, 0.01]),
        "back": ([0.01, w, h], [DEPTH, 0, h]),
        "front_low": ([0.008, w - 0.012, below / 2 - 0.01], [0.008, 0, below / 2 + 0.01]),
        "front_high": ([0.008, w - 0.012, (HEIGHT - above) / 2], [0.008, 0, (HEIGHT + above) / 2 - 0.01]),
    }
    for (_, low), (high, _) in itertools.pairwise(openings):
        boards["front_middle"] = ([0.008, w - 0.012, (high - low) / 2], [0.008, 0, (high + low) / 2])
    return boards


def _add_drawer(drawer: mujoco.MjsBody, before: str, cabinet: Cabinet) -> None:
    """`before`: prefix of the names."""
    drawer.add_joint(
        name=f"{before}drawer_slide",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[-1, 0, 0],
        range=[0, TRAVEL],
        damping=[4, 0, 0],
        frictionloss=1.5,
    )
    half, inner = cabinet.front / 2, cabinet.width / 2 - 0.04
    side, middle = half / 2, 0.02 - half / 2  # the sides end 2 cm above the handle
    boards = {
        "front": ([0.008, cabinet.width / 2 - 0.015, half], [-0.002, 0, 0]),
        "bottom": ([0.15, inner, 0.004], [0.16, 0, 0.02 - half]),
        "left": ([0.15, 0.004, side], [0.16, inner, middle]),
        "right": ([0.15, 0.004, side], [0.16, -inner, middle]),
        "back": ([0.004, inner, side], [0.31, 0, middle]),
    }
    for name, (size, position) in boards.items():
        drawer.add_geom(
            name=f"{before}drawer_{name}", type=BOX, size=size, pos=position, material="drawer", mass=0.25
        )
    _add_handle(drawer, before)


def _add_handle(drawer: mujoco.MjsBody, before: str) -> None:
    steel = {"friction": [1.2, 0.05, 0.001], "condim": 4, "material": "drawer_handle", "mass": 0.02}
    x = -HANDLE_DISTANCE
    bars = {
        "handle": ([x, -0.055, 0, x, 0.055, 0], 0.006),
        "handle_right_post": ([x, -0.055, 0, -0.008, -0.055, 0], 0.005),
        "handle_left_post": ([x, 0.055, 0, -0.008, 0.055, 0], 0.005),
    }
    for name, (ends, radius) in bars.items():
        drawer.add_geom(name=f"{before}{name}", type=CAPSULE, fromto=ends, size=[radius, 0, 0], **steel)
    drawer.add_site(name=f"{before}handle", pos=[x, 0, 0], group=5)
