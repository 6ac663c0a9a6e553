"""The robot's model: a Unitree Go2 that carries an SO101 arm, a nose camera and a wrist camera."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lerobot_anchorvla.sim.layout import ARM_MOUNT, ARM_PREFIX
from lerobot_anchorvla.sim.mujoco_api import mujoco

ASSETS = Path(__file__).parent / "assets"

# Geom groups decide what a camera draws: see `scene.VISIBLE_GROUPS`.
GROUP_QUADRUPED = 1
GROUP_ARM = 2
GROUP_COLLISION = 3
GROUP_ARM_BASE = 4

BOX = mujoco.mjtGeom.mjGEOM_BOX
CAPSULE = mujoco.mjtGeom.mjGEOM_CAPSULE

# A stiff, rough contact that does not creep, so that a closed jaw holds a thin bar.
_GRIP = {
    "condim": 4,
    "friction": [1.6, 0.05, 0.001],
    "priority": 2,
    "solref": [0.006, 1.0],
    "solimp": [0.95, 0.99, 0.001, 0.5, 2.0],
}


def robot_spec() -> mujoco.MjSpec:
    """The quadruped with the arm on its back; the trunk still has its free joint."""
    robot = _quadruped_spec()
    trunk = robot.body("base")
    trunk.add_camera(name="front", pos=[0.327, 0, 0.043], xyaxes=[0, -1, 0, 0, 0, 1], fovy=60)
    plate = [ARM_MOUNT[0], ARM_MOUNT[1], ARM_MOUNT[2] - 0.004]
    trunk.add_geom(
        name="arm_plate",
        type=BOX,
        size=[0.07, 0.05, 0.004],
        pos=plate,
        rgba=[0.2, 0.2, 0.2, 1],
        contype=0,
        conaffinity=0,
        group=GROUP_QUADRUPED,
        mass=0.05,
    )
    robot.attach(arm_spec(), prefix=ARM_PREFIX, frame=trunk.add_frame(pos=list(ARM_MOUNT)))
    return robot


def _quadruped_spec() -> mujoco.MjSpec:
    spec = _load("go2", "go2.xml")
    for key in list(spec.keys):
        spec.delete(key)
    for body in spec.bodies:
        for geom in body.geoms:
            if geom.type == mujoco.mjtGeom.mjGEOM_MESH:
                geom.group = GROUP_QUADRUPED
    return spec


def arm_spec() -> mujoco.MjSpec:
    """The SO101 with jaws that can hold a thin bar, and with a camera on its gripper.

    The convex hulls of the gripper's meshes fill the gap between the jaws, so simple shapes take their place.
    """
    spec = _load("so101", "so101_new_calib.xml")
    for body in spec.bodies:
        for geom in body.geoms:
            if geom.type == mujoco.mjtGeom.mjGEOM_MESH:
                geom.contype = geom.conaffinity = 0
                if body.name in ("base", "shoulder") and geom.group == GROUP_ARM:
                    geom.group = GROUP_ARM_BASE
    for name in ("fixed_jaw_pad", "moving_jaw_pad"):
        pad = spec.geom(name)
        pad.contype = pad.conaffinity = 1
        for key, value in _GRIP.items():
            setattr(pad, key, value)
    _add_jaws(spec)
    _add_arm_links(spec)
    position = [0.0, -0.062, -0.02]
    spec.body("gripper").add_camera(
        name="wrist", pos=position, xyaxes=look_at(position, [-0.004, 0.0, -0.125], [0, -1, 0]), fovy=75
    )
    return spec


def _add_jaws(spec: mujoco.MjSpec) -> None:
    """The palm and the shafts of both jaws, behind the pads of the model."""
    gripper = spec.body("gripper")
    invisible = {"group": GROUP_COLLISION, "mass": 0}
    gripper.add_geom(name="palm", type=BOX, size=[0.025, 0.02, 0.028], pos=[0.004, 0, -0.03], **invisible)
    gripper.add_geom(
        name="fixed_jaw",
        type=BOX,
        size=[0.004, 0.009, 0.022],
        pos=[-0.0145, -0.0002, -0.078],
        condim=4,
        friction=_GRIP["friction"],
        **invisible,
    )
    pad = spec.geom("moving_jaw_pad")
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, np.array(pad.quat) / np.linalg.norm(pad.quat))
    along = rotation.reshape(3, 3)[:, 2]
    towards_hinge = -np.sign(along @ np.array(pad.pos)) * along
    spec.body("moving_jaw_so101_v1").add_geom(
        name="moving_jaw",
        type=BOX,
        size=[0.0035, 0.007, 0.018],
        pos=list(np.array(pad.pos) + 0.0245 * towards_hinge),
        quat=list(pad.quat),
        **_GRIP,
        **invisible,
    )


def _add_arm_links(spec: mujoco.MjSpec) -> None:
    shape = {"type": CAPSULE, "size": [0.024, 0, 0], "group": GROUP_COLLISION, "mass": 0}
    spec.body("lower_arm").add_geom(name="lower_arm", fromto=[-0.01, 0, 0.018, -0.12, 0, 0.018], **shape)
    spec.body("upper_arm").add_geom(
        name="upper_arm", fromto=[-0.02, -0.01, 0.018, -0.1, -0.01, 0.018], **shape
    )


def look_at(position: list[float], target: list[float], up: list[float]) -> list[float]:
    """Camera axes x and y (6,) for a camera at `position` that looks at `target`."""
    forward = np.subtract(target, position)
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    above = np.cross(right, forward)
    return [*right, *(above / np.linalg.norm(above))]


def _load(folder: str, file: str) -> mujoco.MjSpec:
    spec = mujoco.MjSpec.from_file(str(ASSETS / folder / file))
    spec.meshdir = str(ASSETS / folder)  # absolute: two models with two mesh folders become one
    for mesh in spec.meshes:
        mesh.name = mesh.name or Path(mesh.file).stem
    return spec
