"""Episodes in one world, one after the other: what a simulated robot keeps between two actions."""

from __future__ import annotations

import logging

import numpy as np

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

logger = logging.getLogger(__name__)

AT_REST = np.concatenate([signals.ARM_REST, np.zeros(3)]).astype(np.float32)


class Session:
    """A world in which each episode has the next seed. It logs how each one begins and ends.

    An episode of seed s is the one that `Go2SO101Env.reset(seed=s)` begins with the same options.

    Args:
        options: of the world.
        seed: of the first episode.

    Attributes:
        world: as it stands now.
        seed: of this episode.
        ticks: control periods since its start.
        command: the action that was executed last, see `ACTION_NAMES`. Shape (9,), float32.
        succeeded: whether the task was done at some moment of this episode.
    """

    def __init__(self, options: WorldOptions, seed: int) -> None:
        self.world = World(options)
        self.seed = seed
        self._begin()

    def reset(self) -> None:
        """Begin the next episode."""
        self.seed += 1
        self._begin()

    def _begin(self) -> None:
        self.world.reset(np.random.default_rng(self.seed))
        self.ticks = 0
        self.succeeded = False
        self.command = AT_REST
        logger.info("Seed %d: %s.", self.seed, self.world.task.instruction)

    def step(self, action: np.ndarray) -> np.ndarray:
        """Advance one control period and return what was executed, (9,) float32: within the limits.

        Nothing moves once the robot has fallen. Raises a ValueError for what is not finite.
        """
        action = signals.checked_action(action)
        if self.fallen:
            self.command = np.append(self.command[:6], np.zeros(3, np.float32))
            return self.command
        # A dataset holds float32: what is executed is what can be stored, so that a replay is exact.
        self.command = action.astype(np.float32)
        self.world.step(self.command)
        self.ticks += 1
        if self.world.succeeded() and not self.succeeded:
            self.succeeded = True
            logger.info("Seed %d: done after %.1f s, progress %.3f m.", *self._progress())
        if self.fallen:
            logger.warning("Seed %d: the robot fell after %.1f s, progress %.3f m.", *self._progress())
        return self.command

    def _progress(self) -> tuple[int, float, float]:
        """Seed, time since the episode began [s], and progress [m]."""
        return self.seed, self.ticks / signals.CONTROL_HZ, self.world.progress()

    @property
    def fallen(self) -> bool:
        """Whether the robot has fallen over, which ends what it can do in this episode."""
        return self.world.fallen()
