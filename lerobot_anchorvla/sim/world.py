"""The embedded world: one task, one robot, stepped at the control rate."""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.bases import make_base
from lerobot_anchorvla.sim.disturber import Disturber
from lerobot_anchorvla.sim.instructions import instruction
from lerobot_anchorvla.sim.layout import ARM_PREFIX
from lerobot_anchorvla.sim.looks import Looks
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.rendering import Renderer
from lerobot_anchorvla.sim.scene import VISIBLE_GROUPS, build_model, visible
from lerobot_anchorvla.sim.tasks import make_task

CAMERA_NAMES = {"front": "front", "wrist": ARM_PREFIX + "wrist", "overview": "overview"}
"""The cameras' names in the model."""

HOLD_TICKS = signals.CONTROL_HZ
"""A task is done when its goal has been held for one second."""

_DIVERGED = (
    mujoco.mjtWarning.mjWARN_BADQPOS,
    mujoco.mjtWarning.mjWARN_BADQVEL,
    mujoco.mjtWarning.mjWARN_BADQACC,
)


class World:
    """MuJoCo model and data, the base that carries the arm, and the task.

    `state`, `target` and `image` are what the robot observes, with the errors that the options' disturbances
    bring; `true_state`, `true_target`, `progress` and `render` are what is there.

    Args:
        options: what the world is made of; the default is `WorldOptions()`.

    Attributes:
        options: as given.
        task: what to do, with its target and its progress.
        base: what moves the robot.
        model, data: MuJoCo's.
    """

    def __init__(self, options: WorldOptions | None = None) -> None:
        self.options = options or WorldOptions()
        self.options.check_world()
        self.task = make_task(self.options.task, self.options.level)
        self.base = make_base(self.options.base)
        self.model = build_model(self.base, self.task)
        self.data = mujoco.MjData(self.model)
        self._looks = Looks(self.model)
        self._disturber = Disturber(self.options.disturbances, self.model.body("base").id)
        self._substeps = round(1 / signals.CONTROL_HZ / self.base.timestep)
        joints = [ARM_PREFIX + joint for joint in signals.ARM_JOINTS]
        self._arm_addresses = [self.model.joint(joint).qposadr[0] for joint in joints]
        self._arm_servos = [self.model.actuator(joint).id for joint in joints]
        self._renderer = Renderer(self.model)
        self._cameras = {camera: _camera(self.model.camera(name).id) for camera, name in CAMERA_NAMES.items()}
        self._options = {camera: visible(groups) for camera, groups in VISIBLE_GROUPS.items()}

    def reset(self, rng: np.random.Generator, start: np.ndarray | None = None) -> None:
        """Begin an episode.

        Args:
            rng: draws what is random in the episode.
            start: x [m], y [m], yaw [rad] of the base; None lets the task draw one.

        Raises:
            ValueError: if the start is not three finite numbers; the episode before it then goes on.
        """
        given = None if start is None else _checked_start(start)
        disturbance_rng, *scene_rngs = rng.spawn(5)
        mujoco.mj_resetData(self.model, self.data)
        self._set_scene(*scene_rngs)
        # Even if not used: a given start leaves the rest of the seed alone.
        drawn = self.task.draw_start(rng, self.options.random_start)
        arm = signals.arm_to_radians(signals.ARM_REST)
        self.data.qpos[self._arm_addresses] = arm
        self.data.ctrl[self._arm_servos] = arm
        self.base.reset(self.model, self.data, drawn if given is None else given, rng)
        self._disturber.reset(disturbance_rng, resting=np.concatenate([signals.ARM_REST, np.zeros(3)]))
        self._ticks = self._held = 0
        mujoco.mj_forward(self.model, self.data)

    def _set_scene(
        self,
        layout: np.random.Generator,
        wording: np.random.Generator,
        appearance: np.random.Generator,
        lighting: np.random.Generator,
    ) -> None:
        """Draw furniture, instruction and looks, each with a generator of its own."""
        options = self.options
        self.task.reset(self.model, self.data, layout)
        self.task.instruction = instruction(
            self.task.name, self.task.named, wording if options.random_wording else None
        )
        self._looks.reset(
            appearance if options.random_appearance else None,
            lighting if options.random_lighting else None,
            self._renderer,
        )

    def step(self, action: np.ndarray) -> None:
        """Advance one control period (1/15 s). `action`: (9,), in the units and order of `ACTION_NAMES`."""
        action = self._disturber.begin_tick(signals.checked_action(action), self.data)
        self.data.ctrl[self._arm_servos] = signals.arm_to_radians(action[:6])
        command = action[6:]
        for _ in range(self._substeps):
            self.base.drive(self.data, command)
            mujoco.mj_step(self.model, self.data)
        # As before every physics step: what the last one left must not reach an observation.
        mujoco.mj_checkPos(self.model, self.data)
        mujoco.mj_checkVel(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)
        self._disturber.end_tick()
        self._ticks += 1
        self._held = self._held + 1 if self.progress() > self.task.goal else 0

    def state(self) -> np.ndarray:
        """What the robot measures of itself: (9,), in the units and order of `STATE_NAMES`."""
        return self._disturber.state(self.true_state())

    def target(self) -> np.ndarray:
        """Where the target is as seen from the robot: (9,), in the units and order of `TARGET_NAMES`."""
        return self._disturber.target(self.true_target(), self.true_state())

    def image(self, camera: str, height: int, width: int) -> np.ndarray:
        """What arrives from the camera "front" or "wrist" on this tick: (height, width, 3), uint8."""
        return self._disturber.image(
            (camera, height, width), self._ticks, lambda: self.render(camera, height, width)
        )

    def true_state(self) -> np.ndarray:
        """`state` without errors."""
        arm = signals.arm_from_radians(self.data.qpos[self._arm_addresses])
        return np.concatenate([arm, self.base.velocity(self.data)])

    def true_target(self) -> np.ndarray:
        """`target` without errors."""
        position, heading = self.task.target(self.data)
        mount = self.data.body(ARM_PREFIX + "base")
        seen = mount.xmat.reshape(3, 3).T @ (position - mount.xpos)
        turn = heading - self.base.pose(self.data)[2]
        grasp = so101.forward(self.data.qpos[self._arm_addresses[:5]])[:3, 3]
        return np.concatenate([seen, [np.cos(turn), np.sin(turn)], seen - grasp, [self.progress()]])

    def progress(self) -> float:
        """How far the task has got, in [m]."""
        return self.task.progress(self.data)

    def fallen(self) -> bool:
        """Whether the robot has fallen over, or the physics `diverged`: the episode has failed."""
        return self.diverged() or self.base.fallen(self.data)

    def diverged(self) -> bool:
        """Whether a number of the physics became infinite, too large or NaN since `reset`.

        MuJoCo then puts everything where the model has it and goes on, so that the numbers alone do not tell.
        """
        return any(self.data.warning[kind].number for kind in _DIVERGED)

    def succeeded(self) -> bool:
        """Whether the goal has been held for `HOLD_TICKS`, by a robot that still stands."""
        return self._held >= HOLD_TICKS and not self.fallen()

    def render(self, camera: str, height: int, width: int) -> np.ndarray:
        """The scene before the camera "front", "wrist" or "overview": (height, width, 3), uint8."""
        return self._renderer.render(self.data, self._cameras[camera], self._options[camera], height, width)

    def close(self) -> None:
        """Free what `render` needs; a later `render` makes it again."""
        self._renderer.close()


def _checked_start(start: np.ndarray) -> np.ndarray:
    try:
        values = np.asarray(start, dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (3,) or not np.isfinite(values).all():
        raise ValueError(
            f"start must be three finite numbers: x [m], y [m] and yaw [rad] of the base; got {start!r}"
        )
    return values


def _camera(number: int) -> mujoco.MjvCamera:
    """The camera of that number in the model."""
    camera = mujoco.MjvCamera()
    camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, number
    return camera
