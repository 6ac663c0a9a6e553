"""Gymnasium environment of the embedded world."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH
from lerobot_anchorvla.sim.world import World

OVERVIEW_SIZE = (360, 480)


class Go2SO101Env(gym.Env):
    """A Go2 with an SO101 arm and a task, controlled at 15 Hz.

    Observation: `pixels/front` and `pixels/wrist` (H, W, 3) uint8; `agent_pos` (9,), see `STATE_NAMES`; and
    `environment_state` (9,), see `TARGET_NAMES`, unless `target_pose` is false. The disturbances of the
    options, if any, are in the observation and in what an action does; reward and `info` tell the truth.

    Action: (9,), see `ACTION_NAMES`. It is clipped to the limits of `action_space`; NaN is refused.

    Reward: 1 on the tick that completes the task, else 0. The episode ends (`terminated`) when the task is
    complete or the robot has fallen over, which is a failure; it is cut (`truncated`) after `episode_length`
    ticks.

    On each tick `info` holds `is_success`: the task is complete, its progress has been above the goal for one
    second; `fallen`: the robot has fallen over, or the physics have diverged; `progress`: of the task [m];
    `target_distance`: from the grasp point to the target [m].

    Further arguments are the fields of `WorldOptions`. `task_description` is the episode's instruction.

    Reset option `start`: x [m], y [m] and yaw [rad] of the base instead of a random start.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": signals.CONTROL_HZ}

    def __init__(
        self,
        image_height: int = signals.IMAGE_SIZE,
        image_width: int = signals.IMAGE_SIZE,
        target_pose: bool = True,
        episode_length: int = EPISODE_LENGTH,
        render_mode: str | None = "rgb_array",
        **world_options: Any,
    ) -> None:
        signals.check_image_size(image_height, image_width)
        if episode_length < 1:
            raise ValueError(f"episode_length must be at least 1, got {episode_length}")
        self.world = World(WorldOptions(**world_options))
        self.task = self.world.task.name
        self.render_mode = render_mode
        self._image_size = (image_height, image_width)
        self._target_pose = target_pose
        self._max_episode_steps = episode_length
        self._ticks = 0
        self.action_space = spaces.Box(
            signals.ACTION_LOW.astype(np.float32), signals.ACTION_HIGH.astype(np.float32), dtype=np.float32
        )
        self.observation_space = self._make_observation_space()

    def _make_observation_space(self) -> spaces.Dict:
        image = spaces.Box(0, 255, (*self._image_size, 3), np.uint8)
        vectors = {"agent_pos": len(signals.STATE_NAMES)}
        if self._target_pose:
            vectors["environment_state"] = len(signals.TARGET_NAMES)
        return spaces.Dict(
            {"pixels": spaces.Dict(dict.fromkeys(signals.CAMERAS, image))}
            | {name: spaces.Box(-np.inf, np.inf, (size,), np.float32) for name, size in vectors.items()}
        )

    @property
    def task_description(self) -> str:
        return self.world.task.instruction

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        self._ticks = 0
        self.world.reset(self.np_random, start=(options or {}).get("start"))
        return self._observe(), self._info()

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        self.world.step(action)
        self._ticks += 1
        success = self.world.succeeded()
        terminated = success or self.world.fallen()
        truncated = not terminated and self._ticks >= self._max_episode_steps
        return self._observe(), float(success), terminated, truncated, self._info()

    def render(self) -> np.ndarray:
        """The whole scene, as RGB (360, 480, 3)."""
        return self.world.render("overview", *OVERVIEW_SIZE)

    def close(self) -> None:
        self.world.close()

    def _observe(self) -> dict[str, Any]:
        observation: dict[str, Any] = {
            "pixels": {camera: self.world.image(camera, *self._image_size) for camera in signals.CAMERAS},
            "agent_pos": self.world.state().astype(np.float32),
        }
        if self._target_pose:
            observation["environment_state"] = self.world.target().astype(np.float32)
        return observation

    def _info(self) -> dict[str, Any]:
        to_target = self.world.true_target()[5:8]
        return {
            "is_success": self.world.succeeded(),
            "fallen": self.world.fallen(),
            "progress": self.world.progress(),
            "target_distance": float(np.linalg.norm(to_target)),
        }
