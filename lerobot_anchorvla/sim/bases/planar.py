"""A base on rails of servos: quick, and it shakes and drifts as if it walked."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.sim.layout import LEG_PARTS, LEGS

if TYPE_CHECKING:
    import mujoco


class PlanarBase:
    """A base on rails of velocity servos that shakes and drifts as a trotting one does.

    The command is followed with a limited acceleration. While it moves, the trunk bobs, rolls and pitches at
    the gait's pace, and a drift drawn once per episode is added to its velocity. The legs swing for show.
    """

    timestep = 1 / 480  # 32 steps in a tick of 15 Hz
    impratio = 20.0
    height = 0.31  # of the trunk [m]

    _acceleration = 2.0  # [m/s^2] and [rad/s^2]
    _stride_hz = 2.5
    _drift = 0.02  # standard deviation, [m/s] and [rad/s]
    _stand = (0.0, 0.8, -1.5)  # hip, thigh and calf [rad]

    def add_to(self, robot: mujoco.MjSpec) -> None:
        from lerobot_anchorvla.sim.mujoco_api import mujoco

        slide, hinge = mujoco.mjtJoint.mjJNT_SLIDE, mujoco.mjtJoint.mjJNT_HINGE
        trunk = robot.body("base")
        for joint in list(trunk.joints):
            robot.delete(joint)
        trunk.pos = [0, 0, self.height]
        for name, kind, axis in (
            ("base_x", slide, [1, 0, 0]),
            ("base_y", slide, [0, 1, 0]),
            ("base_yaw", hinge, [0, 0, 1]),
            ("base_z", slide, [0, 0, 1]),
            ("base_pitch", hinge, [0, 1, 0]),
            ("base_roll", hinge, [1, 0, 0]),
        ):
            trunk.add_joint(name=name, type=kind, axis=axis, armature=0.05)
        for name, gain, force in (("base_x", 600, 200), ("base_y", 600, 200), ("base_yaw", 60, 40)):
            servo = robot.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            servo.set_to_velocity(kv=gain)
            servo.forcerange, servo.forcelimited = [-force, force], True
        for name, stiffness, damping in (
            ("base_z", 15000, 600),
            ("base_pitch", 600, 20),
            ("base_roll", 600, 20),
        ):
            servo = robot.add_actuator(name=name, target=name, trntype=mujoco.mjtTrn.mjTRN_JOINT)
            servo.set_to_position(kp=stiffness, kv=damping)
        self._make_legs_cosmetic(robot)

    @staticmethod
    def _make_legs_cosmetic(robot: mujoco.MjSpec) -> None:
        for leg in LEGS:
            for part in LEG_PARTS:
                body = robot.body(f"{leg}_{part}")
                body.gravcomp = 1
                for geom in body.geoms:
                    geom.contype = geom.conaffinity = 0
                servo = robot.actuator(f"{leg}_{part}")
                servo.set_to_position(kp=80, kv=2)
                servo.ctrlrange, servo.forcelimited = [-3.2, 3.2], False

    def reset(
        self, model: mujoco.MjModel, data: mujoco.MjData, start: np.ndarray, rng: np.random.Generator
    ) -> None:
        self._servos = [model.actuator(f"base_{axis}").id for axis in ("x", "y", "yaw")]
        self._shakers = [model.actuator(f"base_{axis}").id for axis in ("z", "pitch", "roll")]
        self._legs = [model.actuator(f"{leg}_{part}").id for leg in LEGS for part in LEG_PARTS]
        self._position_addresses = [model.joint(f"base_{axis}").qposadr[0] for axis in ("x", "y", "yaw")]
        self._velocity_addresses = [model.joint(f"base_{axis}").dofadr[0] for axis in ("x", "y", "yaw")]
        self._velocity = [0.0, 0.0, 0.0]
        self._episode_drift = rng.normal(0.0, self._drift, 3).tolist()
        data.qpos[self._position_addresses] = start
        for leg in LEGS:
            for part, angle in zip(LEG_PARTS, self._stand, strict=True):
                data.joint(f"{leg}_{part}_joint").qpos[:] = angle
        data.ctrl[self._legs] = self._stand * len(LEGS)

    def drive(self, data: mujoco.MjData, command: np.ndarray) -> None:
        self._follow(command)
        vigour = min(1.0, (abs(command[0]) + abs(command[1]) + 0.3 * abs(command[2])) / 0.15)
        phase = 2 * math.pi * self._stride_hz * data.time
        self._move(data, vigour, phase)
        self._shake(data, vigour, phase)

    def _follow(self, command: np.ndarray) -> None:
        step = self._acceleration * self.timestep
        for axis in range(3):
            change = command[axis] - self._velocity[axis]
            self._velocity[axis] += max(-step, min(step, change))

    def _move(self, data: mujoco.MjData, vigour: float, phase: float) -> None:
        sway = (0.03 * math.sin(2 * phase), 0.03 * math.sin(phase), 0.06 * math.sin(phase + 1))
        x, y, turn = (
            velocity + vigour * (drift + shake)
            for velocity, drift, shake in zip(self._velocity, self._episode_drift, sway, strict=True)
        )
        yaw = data.qpos[self._position_addresses[2]]
        cos, sin = math.cos(yaw), math.sin(yaw)
        data.ctrl[self._servos] = (cos * x - sin * y, sin * x + cos * y, turn)

    def _shake(self, data: mujoco.MjData, vigour: float, phase: float) -> None:
        data.ctrl[self._shakers] = (
            0.004 * vigour * math.sin(2 * phase),
            0.012 * vigour * math.sin(phase + 0.5),
            0.014 * vigour * math.sin(phase),
        )
        hip, thigh, calf = self._stand
        swing = 0.25 * vigour * math.sin(phase)
        first, second = max(0.0, swing), max(0.0, -swing)  # diagonal legs swing together
        data.ctrl[self._legs] = [
            angle for lift in (first, second, second, first) for angle in (hip, thigh + lift, calf - 2 * lift)
        ]

    def pose(self, data: mujoco.MjData) -> np.ndarray:
        return data.qpos[self._position_addresses].copy()

    def velocity(self, data: mujoco.MjData) -> np.ndarray:
        x, y, turn = data.qvel[self._velocity_addresses]
        yaw = data.qpos[self._position_addresses[2]]
        cos, sin = math.cos(yaw), math.sin(yaw)
        return np.array([cos * x + sin * y, -sin * x + cos * y, turn])

    def fallen(self, data: mujoco.MjData) -> bool:
        """Never: the servos hold the trunk up."""
        return False
