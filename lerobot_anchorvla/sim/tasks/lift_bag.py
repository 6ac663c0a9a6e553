"""Lift a bag off the floor by its stiff handle."""

from __future__ import annotations

import itertools

import numpy as np

from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.tasks import TASKS

BOX = mujoco.mjtGeom.mjGEOM_BOX
CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE

BAG_POSE = np.array([1.6, 0.0, 0.0])  # x [m], y [m], yaw [rad] of the bag on the floor
DEPTH, WIDTH = 0.12, 0.19  # of the bag [m]
SOLE_HEIGHT, BODY_HEIGHT, TOP_HEIGHT = 0.02, 0.15, 0.18  # where each of its parts ends above the floor [m]
TOP_INSET = 0.012  # of the narrower top, each way [m]
HANDLE_HEIGHT = 0.27
HANDLE_LENGTH, HANDLE_RADIUS = 0.10, 0.006  # of the bar that is grasped [m]

START_CENTRE = np.zeros(3)
START_RANGE = np.array([0.08, 0.15, 0.15])  # x [m], y [m], yaw [rad], each way

CANVAS = [0.80, 0.36, 0.26, 1]
POCKET = [0.90, 0.52, 0.36, 1]
TRIM = [0.36, 0.20, 0.16, 1]
HANDLE = [0.16, 0.18, 0.38, 1]


class LiftBag:
    """A bag that stands on the floor 1.6 m ahead; its heavy sole lets it rock back when it is bumped."""

    name = "lift_bag"
    goal = 0.05
    named = "bag"
    instruction = TASKS["lift_bag"]

    def add_to(self, scene: mujoco.MjSpec) -> None:
        bag = scene.worldbody.add_body(name="bag")
        bag.add_freejoint(name="bag")
        _add_body(bag)
        _add_handle(bag)

    def reset(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        x, y, yaw = BAG_POSE
        data.joint("bag").qpos[:] = [x, y, 0, np.cos(yaw / 2), 0, 0, np.sin(yaw / 2)]

    def draw_start(self, rng: np.random.Generator, random_start: bool) -> np.ndarray:
        drawn = START_CENTRE + rng.uniform(-START_RANGE, START_RANGE)
        return drawn if random_start else START_CENTRE

    def target(self, data: mujoco.MjData) -> tuple[np.ndarray, float]:
        """Middle of the handle's bar, and the heading across the bar that faces the bag's pocket."""
        along_bar = data.body("bag").xmat.reshape(3, 3)[:, 1]
        return data.site("handle").xpos.copy(), float(np.arctan2(-along_bar[0], along_bar[1]))

    def progress(self, data: mujoco.MjData) -> float:
        """Height of the bag's lowest point above the floor [m]: 0 for a bag that is merely tipped."""
        bag = data.body("bag")
        heights = bag.xpos[2] + _OUTLINE @ bag.xmat.reshape(3, 3)[2] - _OUTLINE_RADIUS
        return max(0.0, float(heights.min()))


def _add_body(bag: mujoco.MjsBody) -> None:
    """Sole, body, top and a pocket on the side that the robot sees first."""
    d, w, inset = DEPTH / 2, WIDTH / 2, TOP_INSET
    layers = (
        ("sole", 0.0, SOLE_HEIGHT, 0.0, TRIM, 0.12),
        ("body", SOLE_HEIGHT, BODY_HEIGHT, 0.0, CANVAS, 0.05),
        ("top", BODY_HEIGHT, TOP_HEIGHT, inset, TRIM, 0.02),
    )
    for name, low, high, narrower, colour, mass in layers:
        bag.add_geom(
            name=f"bag_{name}",
            type=BOX,
            size=[d - narrower, w - narrower, (high - low) / 2],
            pos=[0, 0, (low + high) / 2],
            rgba=colour,
            mass=mass,
            friction=[0.8, 0.02, 0.01],
        )
    bag.add_geom(
        name="bag_pocket",
        type=BOX,
        size=[0.005, 0.6 * w, 0.04],
        pos=[-d, 0, 0.075],
        rgba=POCKET,
        mass=0,
        contype=0,
        conaffinity=0,
    )


def _add_handle(bag: mujoco.MjsBody) -> None:
    """An arch: a horizontal bar on two posts that lean towards each other."""
    end, foot = HANDLE_LENGTH / 2, WIDTH / 2 - 2 * TOP_INSET
    bars = {
        "bar": [0, -end, HANDLE_HEIGHT, 0, end, HANDLE_HEIGHT],
        "right_post": [0, -foot, BODY_HEIGHT, 0, -end, HANDLE_HEIGHT],
        "left_post": [0, foot, BODY_HEIGHT, 0, end, HANDLE_HEIGHT],
    }
    for name, ends in bars.items():
        bag.add_geom(
            name=f"handle_{name}",
            type=CAPSULE,
            fromto=ends,
            size=[HANDLE_RADIUS, 0, 0],
            rgba=HANDLE,
            mass=0.005,
            friction=[1.2, 0.05, 0.001],
            condim=4,
        )
    bag.add_site(name="handle", pos=[0, 0, HANDLE_HEIGHT], group=5)


def _outline() -> tuple[np.ndarray, np.ndarray]:
    """Centres (P, 3) in the bag's frame and radii (P,) of balls whose lowest point is the bag's."""
    sides = list(itertools.product((-1, 1), (-1, 1)))
    wide = [(x * DEPTH / 2, y * WIDTH / 2, z) for x, y in sides for z in (0.0, BODY_HEIGHT)]
    narrow = [(x * (DEPTH / 2 - TOP_INSET), y * (WIDTH / 2 - TOP_INSET), TOP_HEIGHT) for x, y in sides]
    bar = [(0.0, y * HANDLE_LENGTH / 2, HANDLE_HEIGHT) for y in (-1, 1)]
    radii = np.repeat([0.0, HANDLE_RADIUS], [len(wide) + len(narrow), len(bar)])
    return np.array(wide + narrow + bar), radii


_OUTLINE, _OUTLINE_RADIUS = _outline()
