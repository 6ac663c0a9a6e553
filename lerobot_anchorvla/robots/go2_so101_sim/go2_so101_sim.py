"""The embedded world behind LeRobot's robot interface."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
from lerobot.robots.robot import Robot
from lerobot.utils.decorators import check_if_already_connected, check_if_not_connected

from lerobot_anchorvla.robots.driving_keys import to_robot_action
from lerobot_anchorvla.robots.go2_so101_sim.configuration_go2_so101_sim import Go2SO101SimConfig
from lerobot_anchorvla.robots.go2_so101_sim.pace import Pace
from lerobot_anchorvla.robots.go2_so101_sim.viewer import Viewer, check_display
from lerobot_anchorvla.sim import live, signals
from lerobot_anchorvla.sim.options import WorldOptions

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.session import Session

logger = logging.getLogger(__name__)


class Go2SO101Sim(Robot):
    """A simulated Go2 with an SO101 arm: each action advances the world by one control period, 1/15 s.

    Observation: the scalars `STATE_NAMES` (degrees, gripper 0 to 100, m/s and rad/s) and the images `front`
    and `wrist`, (H, W, 3) uint8. Action: the scalars `ACTION_NAMES`.

    The world is reset when the robot connects, with the seed of the configuration. After a fall the robot
    stays where it is until the next reset.

    Attributes:
        config: as given.
        cameras: the image's shape (H, W, 3) for each camera; LeRobot counts them.
    """

    config_class = Go2SO101SimConfig
    name = "go2_so101_sim"

    def __init__(self, config: Go2SO101SimConfig) -> None:
        super().__init__(config)
        # A missing MuJoCo or display is told before LeRobot makes a dataset, but only to who uses the robot.
        import lerobot_anchorvla.sim.mujoco_api  # noqa: F401

        if config.viewer:
            check_display()
        self.config = config
        self.cameras = dict.fromkeys(signals.CAMERAS, (config.image_height, config.image_width, 3))
        self._session: Session | None = None
        self._viewer: Viewer | None = None
        self._pace = Pace(signals.CONTROL_HZ)

    @property
    def observation_features(self) -> dict[str, Any]:
        return {**dict.fromkeys(signals.STATE_NAMES, float), **self.cameras}

    @property
    def action_features(self) -> dict[str, type]:
        return dict.fromkeys(signals.ACTION_NAMES, float)

    @property
    def is_connected(self) -> bool:
        return self._session is not None

    @property
    def is_calibrated(self) -> bool:
        return True

    def calibrate(self) -> None:
        """Nothing to calibrate."""

    def configure(self) -> None:
        """Nothing to configure."""

    @check_if_already_connected
    def connect(self, calibrate: bool = True) -> None:
        from lerobot_anchorvla.sim.session import Session

        session = Session(WorldOptions(**self.config.world_options()), self.config.seed)
        if self.config.viewer:
            self._viewer = Viewer(session.world)
        self._session = session
        live.publish(session)

    @check_if_not_connected
    def get_observation(self) -> dict[str, Any]:
        world = self._connected().world
        state = world.state().astype(np.float32)
        size = self.config.image_height, self.config.image_width
        images = {camera: world.image(camera, *size) for camera in signals.CAMERAS}
        return _named(signals.STATE_NAMES, state) | images

    @check_if_not_connected
    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Advance the world by one control period and return what was executed.

        Args:
            action: a missing velocity is 0, a missing joint holds its last target. The keys of some of
                LeRobot's own teleoperators are understood too, see `driving_keys`. The dictionary is
                replaced by what was executed: `lerobot-record` stores it, and not what is returned.

        Raises:
            ValueError: for an unknown key, and for a value that is not a finite number, by name.
        """
        session = self._connected()
        wanted = to_robot_action(action, session.command[:6])
        if session.ticks == 0:
            self._pace.restart()
        self._pace.tick()
        executed = _named(signals.ACTION_NAMES, session.step(wanted))
        if self._viewer is not None:
            self._viewer.show()
        action.clear()
        action.update(executed)
        return executed

    @check_if_not_connected
    def disconnect(self) -> None:
        session = self._connected()
        logger.info("%s", self._pace)
        live.withdraw(session)
        self._session = None
        if self._viewer is not None:
            self._viewer.close()
            self._viewer = None
        session.world.close()

    def _connected(self) -> Session:
        assert self._session is not None  # the decorators see to it
        return self._session


def _named(names: list[str], values: np.ndarray) -> dict[str, Any]:
    return {name: float(value) for name, value in zip(names, values, strict=True)}
