"""The network that lets the quadruped walk, evaluated in numpy.

It is the Go2 policy of rl_sar, trained with robot_lab: see `assets/gait/NOTICE`. 50 times a second it turns
what the robot feels, and the velocity that is asked of it, into targets for the joints of the legs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lerobot_anchorvla.sim.layout import LEG_PARTS

ASSETS = Path(__file__).parent / "assets" / "gait"

GAIT_HZ = 50
GAIT_LEGS = ("FR", "FL", "RR", "RL")
GAIT_JOINTS = tuple(f"{leg}_{part}" for leg in GAIT_LEGS for part in LEG_PARTS)
"""The order of the legs' joints in the network's input and output."""

STAND = np.array([0.0, 0.8, -1.5] * 4)  # joint angles from which the network counts [rad]
STIFFNESS, DAMPING = 20.0, 0.5  # of the joints, as in training: [N m/rad], [N m s/rad]

_TURN_SCALE, _JOINT_SPEED_SCALE = 0.25, 0.05  # of the input
_TARGET_SCALE = np.array([0.125, 0.25, 0.25] * 4)  # of the output [rad]
_LIMIT = 100.0  # of every input and output


class GaitNetwork:
    """45 -> 512 -> 256 -> 128 -> 12 perceptron with exponential linear units.

    Args:
        layers: weights (outputs, inputs) and offsets (outputs,) of each layer, float32.
    """

    def __init__(self, layers: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self._layers = layers

    @classmethod
    def load(cls) -> GaitNetwork:
        """The network whose weights come with the package."""
        with np.load(ASSETS / "policy.npz") as arrays:
            return cls([(arrays[f"weight_{i}"], arrays[f"offset_{i}"]) for i in range(len(arrays) // 2)])

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Output (12,) for an input (45,)."""
        values = observation.astype(np.float32)
        for index, (weights, offsets) in enumerate(self._layers):
            if index:
                values = np.where(values > 0, values, np.expm1(np.minimum(values, 0)))
            # Not `@`: a BLAS may add up in an order that depends on its threads, and a walk is chaotic.
            values = np.einsum("ij,j->i", weights, values) + offsets
        return values.astype(np.float64)


class Gait:
    """The network together with its last output, which is a part of its input."""

    def __init__(self, network: GaitNetwork) -> None:
        self._network = network
        self.reset()

    def reset(self) -> None:
        """Forget the last output."""
        self._output = np.zeros(len(GAIT_JOINTS))

    def joint_targets(
        self,
        angular_velocity: np.ndarray,
        gravity: np.ndarray,
        command: np.ndarray,
        positions: np.ndarray,
        velocities: np.ndarray,
    ) -> np.ndarray:
        """Targets (12,) of the legs' joints in [rad], in the order of `GAIT_JOINTS`, for the next 1/50 s.

        Args:
            angular_velocity: of the trunk, in its frame [rad/s]. Shape (3,).
            gravity: direction of gravity in the trunk's frame. Shape (3,).
            command: velocity in the trunk's frame: x, y [m/s], yaw rate [rad/s]. Shape (3,).
            positions: of the legs' joints [rad]. Shape (12,).
            velocities: of the legs' joints [rad/s]. Shape (12,).
        """
        observation = np.concatenate(
            [
                _TURN_SCALE * angular_velocity,
                gravity,
                command,
                positions - STAND,
                _JOINT_SPEED_SCALE * velocities,
                self._output,
            ]
        )
        output = self._network(np.clip(observation, -_LIMIT, _LIMIT))
        self._output = np.clip(output, -_LIMIT, _LIMIT)
        return STAND + _TARGET_SCALE * self._output
