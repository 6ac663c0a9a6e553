"""Puts robot, base, floor, light and a task's furniture into one compiled MuJoCo model."""

from __future__ import annotations

from lerobot_anchorvla.sim import robot as parts
from lerobot_anchorvla.sim.bases import Base
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.tasks import Task

WORLD = 0  # MuJoCo's default geom group: floor and furniture

VISIBLE_GROUPS = {
    "front": (WORLD, parts.GROUP_ARM),
    "wrist": (WORLD, parts.GROUP_ARM),
    "overview": (WORLD, parts.GROUP_QUADRUPED, parts.GROUP_ARM, parts.GROUP_ARM_BASE),
}
"""The geom groups that each camera draws. The robot's cameras leave out the parts that they cannot
see; no camera draws the shapes that exist for contact only."""


def visible(groups: tuple[int, ...]) -> mujoco.MjvOption:
    """Draws the geoms of these groups, and no sites."""
    options = mujoco.MjvOption()
    options.geomgroup[:] = 0
    options.geomgroup[list(groups)] = 1
    options.sitegroup[:] = 0
    return options


def build_model(base: Base, task: Task) -> mujoco.MjModel:
    """Compile the world of one task with the robot on one kind of base."""
    scene = parts.robot_spec()
    base.add_to(scene)
    _set_physics(scene, base)
    _set_looks(scene)
    _add_floor_and_light(scene)
    task.add_to(scene)
    _add_overview(scene)
    return scene.compile()


def _set_physics(scene: mujoco.MjSpec, base: Base) -> None:
    scene.option.timestep = base.timestep
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    scene.option.impratio = base.impratio
    scene.memory = 64 * 2**20


def _set_looks(scene: mujoco.MjSpec) -> None:
    scene.stat.extent = 2
    scene.stat.center = [0.5, 0, 0.3]
    visual = scene.visual
    visual.global_.offwidth = visual.global_.offheight = 16  # the renderer makes it as large as it has to
    visual.quality.offsamples = visual.quality.shadowsize = 0
    visual.map.znear = 0.005
    visual.headlight.ambient = [0.35] * 3
    visual.headlight.diffuse = [0.45] * 3


def _add_floor_and_light(scene: mujoco.MjSpec) -> None:
    scene.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.75, 0.82, 0.9],
        rgb2=[0.95, 0.96, 0.98],
        width=32,
        height=192,
    )
    scene.add_texture(
        name="parquet",
        type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.62, 0.55, 0.46],
        rgb2=[0.55, 0.48, 0.4],
        width=128,
        height=128,
    )
    material = scene.add_material(name="floor", texrepeat=[4, 4], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = "parquet"
    scene.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[6, 6, 0.1],
        material="floor",
        friction=[0.8, 0.02, 0.01],
    )
    scene.worldbody.add_light(
        pos=[0, -1, 3],
        dir=[0.5, 0.3, -1],
        diffuse=[0.4] * 3,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
        castshadow=False,
    )


def _add_overview(scene: mujoco.MjSpec) -> None:
    position, target = [0.35, -2.35, 1.15], [0.88, 0.0, 0.30]
    scene.worldbody.add_camera(
        name="overview", pos=position, xyaxes=parts.look_at(position, target, [0, 0, 1]), fovy=47
    )
