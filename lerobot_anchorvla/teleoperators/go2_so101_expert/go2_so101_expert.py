"""The scripted expert behind LeRobot's teleoperator interface."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from lerobot.teleoperators.teleoperator import Teleoperator
from lerobot.utils.decorators import check_if_already_connected, check_if_not_connected

from lerobot_anchorvla.sim.experts import Expert, make_expert, mode_names
from lerobot_anchorvla.sim.live import live_session
from lerobot_anchorvla.sim.signals import ACTION_NAMES, CONTROL_HZ, checked_action
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH, TASKS
from lerobot_anchorvla.teleoperators.episode_events import EpisodeEvents, Phase
from lerobot_anchorvla.teleoperators.go2_so101_expert.configuration_go2_so101_expert import (
    Go2SO101ExpertConfig,
)

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.session import Session

logger = logging.getLogger(__name__)

MOST_FAILURES = 10  # in a row, before a recording that can come to nothing is given up


class Go2SO101Expert(Teleoperator):
    """Does the task of the simulated robot in this process, attempt after attempt.

    An attempt ends when the task is done, when the robot has fallen, or after `EPISODE_LENGTH` ticks. Then
    the world is reset, and the next attempt begins, in a mode of its own.

    Under `lerobot-record` an episode is one attempt: it ends with it, a failed one is recorded again, and
    the phase in which a person would reset the scene is left out.

    Attributes:
        config: as given.
        successes, failures: attempts so far, by how they ended.
    """

    config_class = Go2SO101ExpertConfig
    name = "go2_so101_expert"

    def __init__(self, config: Go2SO101ExpertConfig) -> None:
        super().__init__(config)
        self.config = config
        self.successes = 0
        self.failures = 0
        self._failures_in_a_row = 0
        self._events = EpisodeEvents(on_start=self._begin_phase, on_end=self._end_phase)
        self._connected = False
        self._expert: tuple[int, Expert] | None = None  # with the seed of the episode that it plays

    @property
    def action_features(self) -> dict[str, type]:
        return dict.fromkeys(ACTION_NAMES, float)

    @property
    def feedback_features(self) -> dict[str, type]:
        return {}

    @property
    def is_connected(self) -> bool:
        return self._connected

    @property
    def is_calibrated(self) -> bool:
        return True

    def calibrate(self) -> None:
        """Nothing to calibrate."""

    def configure(self) -> None:
        """Nothing to configure."""

    def send_feedback(self, feedback: dict[str, Any]) -> None:
        """Nothing to feel."""

    @check_if_already_connected
    def connect(self, calibrate: bool = True) -> None:
        self._events.attach()
        self._connected = True

    @check_if_not_connected
    def disconnect(self) -> None:
        self._events.detach()
        self._connected = False
        logger.info("Expert: %d attempts succeeded, %d failed.", self.successes, self.failures)

    @check_if_not_connected
    def get_action(self) -> dict[str, float]:
        """The expert's action for the world as it is. Raises a RuntimeError without a simulated robot."""
        session = live_session()
        if _over(session):
            if self._events.phase is not None:
                self._events.phase.end()
            else:
                self._count(session)
                session.reset()
        state, target = (each.astype(np.float32) for each in (session.world.state(), session.world.target()))
        action = checked_action(self._expert_for(session).act(state, target)).astype(np.float32)
        return {name: float(value) for name, value in zip(ACTION_NAMES, action, strict=True)}

    def _expert_for(self, session: Session) -> Expert:
        """The expert in the mode of this episode, which follows from the two seeds alone."""
        if self._expert is None or self._expert[0] != session.seed:
            task = session.world.task.name
            modes = mode_names(task)
            drawn = modes[np.random.default_rng([self.config.seed, session.seed]).integers(len(modes))]
            mode = drawn if self.config.mode is None else self.config.mode
            logger.info("Seed %d: the expert's mode is %s.", session.seed, mode)
            self._expert = session.seed, make_expert(task, mode)
        return self._expert[1]

    def _begin_phase(self, phase: Phase) -> None:
        phase.skip = not phase.recorded
        if phase.skip:
            return
        if phase.fps != CONTROL_HZ:
            raise ValueError(
                f"dataset.fps must be {CONTROL_HZ}, the control rate of the simulated robot, got {phase.fps}"
            )
        session = live_session()
        if session.ticks:
            session.reset()
        words = session.world.task.instruction
        if not phase.task or words != TASKS[session.world.task.name]:
            phase.task = words  # the world drew words of its own, which may say what is to be done

    def _end_phase(self, phase: Phase) -> None:
        if not phase.recorded:
            return
        session = live_session()
        if not _over(session):
            logger.warning(
                "Seed %d: the episode ended after %d ticks, before the expert was done; it may take %d: give "
                "it a longer --dataset.episode_time_s.",
                session.seed,
                session.ticks,
                EPISODE_LENGTH,
            )
        self._count(session)
        if not session.succeeded:
            phase.rerecord()

    def _count(self, session: Session) -> None:
        if session.succeeded:
            self.successes += 1
            self._failures_in_a_row = 0
            return
        self.failures += 1
        self._failures_in_a_row += 1
        logger.warning("Seed %d: attempt failed, %d of them so far.", session.seed, self.failures)
        if self._failures_in_a_row == MOST_FAILURES:
            raise RuntimeError(
                f"the expert failed {MOST_FAILURES} times in a row, last on seed {session.seed}: give its "
                "episodes more time, or the world smaller disturbances"
            )


def _over(session: Session) -> bool:
    """Whether the attempt is done, or lost."""
    return session.succeeded or session.fallen or session.ticks >= EPISODE_LENGTH
