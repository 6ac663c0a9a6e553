"""Applies `Disturbances` to a world, tick by tick. Every kind has a random generator of its own."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.signals import CONTROL_HZ

if TYPE_CHECKING:
    import mujoco

DRIFT_SECONDS = 1.0  # correlation time of the base's drift
PUSH_TICKS = 3
YAW_SHARE = 3.0  # [rad/s] of the yaw rate for each [m/s] of the other axes
AXES = np.array([1.0, 1.0, YAW_SHARE])


class Disturber:
    """All kinds of one world. A kind of strength 0 costs nothing and changes nothing.

    Args:
        disturbances: how strong each kind is.
        trunk: number of the body that is pushed, in MuJoCo's model.
    """

    def __init__(self, disturbances: Disturbances, trunk: int) -> None:
        strength = disturbances.strength
        self._trunk = trunk
        self._commands = CommandChannel(int(strength("command_latency")), strength("dropped_ticks"))
        self._drift = BaseDrift(strength("base_drift"))
        self._pushes = Pushes(strength("push_force"), disturbances.push_interval)
        self._noise = ObservationNoise(
            strength("joint_noise"), strength("velocity_noise"), strength("target_noise")
        )
        self._frames = DelayedFrames(int(strength("camera_delay")))

    def reset(self, rng: np.random.Generator, resting: np.ndarray) -> None:
        """Begin an episode, with `resting` (9,) as the action that is executed before the first arrives."""
        commands, drift, pushes, noise = rng.spawn(4)
        self._commands.reset(commands, resting)
        self._drift.reset(drift)
        self._pushes.reset(pushes)
        self._noise.reset(noise)
        self._frames.reset()

    def begin_tick(self, action: np.ndarray, data: mujoco.MjData) -> np.ndarray:
        """Pushes the trunk; the action (9,) that takes effect on this tick instead of the one sent."""
        if self._commands.on:
            action = self._commands.transmit(action)
        if self._drift.on:
            action = action + np.concatenate([np.zeros(6), self._drift.next()])
        if self._pushes.on:
            data.xfrc_applied[self._trunk, :2] = self._pushes.next()
        return action

    def end_tick(self) -> None:
        """The next measurements have other errors."""
        if self._noise.on:
            self._noise.draw()

    def state(self, true: np.ndarray) -> np.ndarray:
        """The robot's state (9,) as it is measured."""
        return self._noise.state(true) if self._noise.on else true

    def target(self, true: np.ndarray, true_state: np.ndarray) -> np.ndarray:
        """The target (9,) as it is seen by a robot in that state (9,)."""
        return self._noise.target(true, true_state) if self._noise.on else true

    def image(self, camera: Hashable, tick: int, render: Callable[[], np.ndarray]) -> np.ndarray:
        """What arrives from a camera on this tick; `render` draws what is before it now."""
        return self._frames.arriving(camera, tick, render) if self._frames.on else render()


class CommandChannel:
    """The way of the commands to the robot: they come late, and some are lost.

    Args:
        latency: ticks that a command is on its way.
        loss: probability that a command is lost; the one before it is executed again.
    """

    def __init__(self, latency: int, loss: float) -> None:
        self.on = latency > 0 or loss > 0
        self._latency = latency
        self._loss = loss

    def reset(self, rng: np.random.Generator, resting: np.ndarray) -> None:
        self._rng = rng
        self._arrived = resting
        self._under_way = deque([resting] * self._latency)

    def transmit(self, action: np.ndarray) -> np.ndarray:
        """Send one action (9,); the one that is executed meanwhile."""
        if self._rng.random() >= self._loss:
            self._arrived = action
        self._under_way.append(self._arrived)
        return self._under_way.popleft()


class BaseDrift:
    """Ornstein-Uhlenbeck noise on the base's velocity, constant during a tick.

    v <- a v + sqrt(1 - a^2) sigma n, with a = exp(-1 / (CONTROL_HZ * DRIFT_SECONDS)) and n standard normal;
    it starts in its stationary distribution, whose standard deviation is sigma.

    Args:
        strength: sigma of x and y [m/s]; that of the yaw rate [rad/s] is `YAW_SHARE` times the number.
    """

    def __init__(self, strength: float) -> None:
        self.on = strength > 0
        self._sigma = strength * AXES
        self._keeps = math.exp(-1 / (CONTROL_HZ * DRIFT_SECONDS))

    def reset(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._velocity = self._sigma * rng.normal(size=3)

    def next(self) -> np.ndarray:
        """Body-frame drift of the next tick: x, y [m/s], yaw rate [rad/s]."""
        fresh = math.sqrt(1 - self._keeps**2) * self._sigma * self._rng.normal(size=3)
        self._velocity = self._keeps * self._velocity + fresh
        return self._velocity


class Pushes:
    """Horizontal forces of one strength and any direction, `PUSH_TICKS` long, at random times.

    Args:
        force: in [N].
        interval: mean time from the end of one to the begin of the next [s].
    """

    def __init__(self, force: float, interval: float) -> None:
        self.on = force > 0
        self._size = force
        self._probability = min(1.0, 1 / (interval * CONTROL_HZ))

    def reset(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._ticks_left = 0
        self._force: np.ndarray = np.zeros(2)

    def next(self) -> np.ndarray:
        """Force of the next tick in the world's frame: x, y [N]."""
        if self._ticks_left > 0:
            self._ticks_left -= 1
        elif self._rng.random() < self._probability:
            direction = self._rng.uniform(0, 2 * math.pi)
            self._force = self._size * np.array([math.cos(direction), math.sin(direction)])
            self._ticks_left = PUSH_TICKS - 1
        else:
            self._force = np.zeros(2)
        return self._force


class ObservationNoise:
    """Independent normal errors of every measured number, drawn once a tick.

    Args:
        joints: standard deviation of the arm's joints [deg] and of the gripper [of 100].
        velocity: of the base's velocity [m/s]; of its yaw rate [rad/s] `YAW_SHARE` times the number.
        target: of the target's position and of the progress [m]; of its heading [rad] `YAW_SHARE` times the
            number.
    """

    def __init__(self, joints: float, velocity: float, target: float) -> None:
        self.on = max(joints, velocity, target) > 0
        self._state_sigma = np.concatenate([np.full(6, joints), velocity * AXES])
        self._target_sigma = target * np.array([1.0, 1.0, 1.0, YAW_SHARE, 1.0])

    def reset(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self.draw()

    def draw(self) -> None:
        """New errors, which stay until the next draw."""
        self._state_error = self._state_sigma * self._rng.normal(size=9)
        self._target_error = self._target_sigma * self._rng.normal(size=5)

    def state(self, true: np.ndarray) -> np.ndarray:
        """See `Disturber.state`."""
        return true + self._state_error

    def target(self, true: np.ndarray, true_state: np.ndarray) -> np.ndarray:
        """See `Disturber.target`. The way from the gripper follows from the measured target and joints."""
        seen = true[:3] + self._target_error[:3]
        turn = math.atan2(true[4], true[3]) + self._target_error[3]
        grasp = so101.forward(np.deg2rad(self.state(true_state)[:5]))[:3, 3]
        progress = true[8] + self._target_error[4]
        return np.concatenate([seen, [math.cos(turn), math.sin(turn)], seen - grasp, [progress]])


class DelayedFrames:
    """Images that arrive some ticks after they were taken; until then, the first one is repeated.

    Only what is asked for is rendered: a camera that nobody reads costs nothing.

    Args:
        delay: in ticks.
    """

    def __init__(self, delay: int) -> None:
        self.on = delay > 0
        self._delay = delay
        self.reset()

    def reset(self) -> None:
        self._taken: defaultdict[Hashable, deque[tuple[int, np.ndarray]]] = defaultdict(deque)

    def arriving(self, camera: Hashable, tick: int, render: Callable[[], np.ndarray]) -> np.ndarray:
        """See `Disturber.image`."""
        taken = self._taken[camera]
        if not taken or taken[-1][0] < tick:
            taken.append((tick, render()))
        while len(taken) > 1 and taken[1][0] <= tick - self._delay:
            taken.popleft()
        return taken[0][1].copy()
