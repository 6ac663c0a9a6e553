"""Open a cabinet's drawer by its bar handle."""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.tasks import TASKS

BOX = mujoco.mjtGeom.mjGEOM_BOX
CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE

CABINET_POSITION = np.array([1.75, 0.0, 0.0])  # middle of the front, on the floor [m]
DEPTH, WIDTH, HEIGHT = 0.40, 0.50, 0.62  # of the cabinet [m]
HANDLE_HEIGHT = 0.42
HANDLE_DISTANCE = 0.052  # from the front to the middle of the bar [m]
TRAVEL = 0.25  # of the drawer [m]

START_CENTRE = np.zeros(3)
START_RANGE = np.array([0.08, 0.15, 0.15])  # x [m], y [m], yaw [rad], each way

WOOD = [0.80, 0.72, 0.60, 1]
LIGHT_WOOD = [0.88, 0.80, 0.68, 1]
DARK_STEEL = [0.15, 0.15, 0.17, 1]


class OpenDrawer:
    """A cabinet 1.75 m ahead, whose front faces the robot, with one drawer and a horizontal bar handle."""

    name = "open_drawer"
    goal = 0.12
    instruction = TASKS["open_drawer"]

    def add_to(self, scene: mujoco.MjSpec) -> None:
        cabinet = scene.worldbody.add_body(name="cabinet", pos=list(CABINET_POSITION))
        _add_carcass(cabinet)
        _add_drawer(cabinet)
        scene.add_exclude(bodyname1="cabinet", bodyname2="drawer")  # the drawer's box would jam

    def reset(self, model: mujoco.MjModel, data: mujoco.MjData, rng: np.random.Generator) -> None:
        data.joint("drawer_slide").qpos[:] = 0

    def draw_start(self, rng: np.random.Generator) -> np.ndarray:
        return START_CENTRE + rng.uniform(-START_RANGE, START_RANGE)

    def target(self, data: mujoco.MjData) -> tuple[np.ndarray, float]:
        return data.site("handle").xpos.copy(), 0.0

    def progress(self, data: mujoco.MjData) -> float:
        """Opening of the drawer [m]."""
        return float(data.joint("drawer_slide").qpos[0])


def _add_carcass(cabinet: mujoco.MjsBody) -> None:
    d, w, h = DEPTH / 2, WIDTH / 2, HEIGHT / 2
    below, above = HANDLE_HEIGHT - 0.083, HANDLE_HEIGHT + 0.083  # edges of the opening for the drawer
    boards = {
        "left": ([d, 0.01, h], [d, w, h]),
        "right": ([d, 0.01, h], [d, -w, h]),
        "top": ([d, w, 0.01], [d, 0, HEIGHT]),
        "bottom": ([d, w, 0.01], [d, 0, 0.01]),
        "back": ([0.01, w, h], [DEPTH, 0, h]),
        "front_low": ([0.008, w - 0.012, below / 2 - 0.01], [0.008, 0, below / 2 + 0.01]),
        "front_high": ([0.008, w - 0.012, (HEIGHT - above) / 2], [0.008, 0, (HEIGHT + above) / 2 - 0.01]),
    }
    for name, (size, position) in boards.items():
        cabinet.add_geom(name=f"cabinet_{name}", type=BOX, size=size, pos=position, rgba=WOOD)


def _add_drawer(cabinet: mujoco.MjsBody) -> None:
    drawer = cabinet.add_body(name="drawer", pos=[0, 0, HANDLE_HEIGHT])
    drawer.add_joint(
        name="drawer_slide",
        type=mujoco.mjtJoint.mjJNT_SLIDE,
        axis=[-1, 0, 0],
        range=[0, TRAVEL],
        damping=[4, 0, 0],
        frictionloss=1.5,
    )
    inner = WIDTH / 2 - 0.04
    boards = (
        ([0.008, WIDTH / 2 - 0.015, 0.08], [-0.002, 0, 0]),
        ([0.15, inner, 0.004], [0.16, 0, -0.06]),
        ([0.15, 0.004, 0.04], [0.16, inner, -0.02]),
        ([0.15, 0.004, 0.04], [0.16, -inner, -0.02]),
        ([0.004, inner, 0.04], [0.31, 0, -0.02]),
    )
    for size, position in boards:
        drawer.add_geom(type=BOX, size=size, pos=position, rgba=LIGHT_WOOD, mass=0.25)
    steel = {"friction": [1.2, 0.05, 0.001], "condim": 4, "rgba": DARK_STEEL, "mass": 0.02}
    x = -HANDLE_DISTANCE
    drawer.add_geom(
        name="handle", type=CAPSULE, fromto=[x, -0.055, 0, x, 0.055, 0], size=[0.006, 0, 0], **steel
    )
    for y in (-0.055, 0.055):
        drawer.add_geom(type=CAPSULE, fromto=[x, y, 0, -0.008, y, 0], size=[0.005, 0, 0], **steel)
    drawer.add_site(name="handle", pos=[x, 0, 0], group=5)
