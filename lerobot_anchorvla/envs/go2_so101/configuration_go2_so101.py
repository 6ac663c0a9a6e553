"""LeRobot's configuration of the Go2 + SO101 environment: `--env.type=go2_so101`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
from lerobot.configs import FeatureType, PolicyFeature
from lerobot.envs.configs import EnvConfig
from lerobot.envs.utils import _LazyAsyncVectorEnv, freeze_after_episode_end
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_IMAGES, OBS_STATE

from lerobot_anchorvla.envs.go2_so101 import GYM_IDS
from lerobot_anchorvla.envs.traces import TraceEpisodes
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import (
    ACTION_NAMES,
    CAMERAS,
    CONTROL_HZ,
    IMAGE_SIZE,
    STATE_NAMES,
    TARGET_NAMES,
    check_image_size,
)
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH


@EnvConfig.register_subclass("go2_so101")
@dataclass
class Go2SO101EnvConfig(WorldOptions, EnvConfig):
    """A Unitree Go2 with an SO101 arm on its back, in MuJoCo."""

    # Control rate in Hz; the environment runs at 15 only.
    fps: int = CONTROL_HZ
    # An episode without success ends after this many ticks.
    episode_length: int = EPISODE_LENGTH
    # Height of the camera images, in pixels.
    image_height: int = IMAGE_SIZE
    # Width of the camera images, in pixels.
    image_width: int = IMAGE_SIZE
    # Give the policy the pose of the target (observation.environment_state) beside the images.
    target_pose: bool = True
    # Folder in which every episode is written down (seed, states, targets, actions), to be counted or shown
    # again later; null writes nothing.
    trace_dir: str | None = None
    features: dict[str, PolicyFeature] = field(default_factory=dict)
    features_map: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world("env.")
        if self.fps != CONTROL_HZ:
            raise ValueError(f"env.fps must be {CONTROL_HZ}, got {self.fps}")
        if self.episode_length < 1:
            raise ValueError(f"env.episode_length must be at least 1, got {self.episode_length}")
        check_image_size(self.image_height, self.image_width, "env.")
        self._describe_features()

    def _describe_features(self) -> None:
        image = (self.image_height, self.image_width, 3)
        self.features = {
            ACTION: PolicyFeature(FeatureType.ACTION, (len(ACTION_NAMES),)),
            "agent_pos": PolicyFeature(FeatureType.STATE, (len(STATE_NAMES),)),
            **{f"pixels/{camera}": PolicyFeature(FeatureType.VISUAL, image) for camera in CAMERAS},
        }
        self.features_map = {
            ACTION: ACTION,
            "agent_pos": OBS_STATE,
            **{f"pixels/{camera}": f"{OBS_IMAGES}.{camera}" for camera in CAMERAS},
        }
        if self.target_pose:
            self.features["environment_state"] = PolicyFeature(FeatureType.ENV, (len(TARGET_NAMES),))
            self.features_map["environment_state"] = OBS_ENV_STATE

    @property
    def gym_id(self) -> str:
        return GYM_IDS[self.task]

    @property
    def gym_kwargs(self) -> dict[str, Any]:
        return {
            **self.world_options(),
            "image_height": self.image_height,
            "image_width": self.image_width,
            "target_pose": self.target_pose,
            "episode_length": self.episode_length,
        }

    def create_envs(
        self, n_envs: int, use_async_envs: bool = False
    ) -> dict[str, dict[int, gym.vector.VectorEnv]]:
        """One vector environment of the task.

        LeRobot's default resets an environment on the step that ends its episode, and its evaluation then
        counts one step of the next episode. Here a finished environment stands still until the next rollout.
        """

        def make_one() -> gym.Env:
            env = gym.make(self.gym_id, disable_env_checker=self.disable_env_checker, **self.gym_kwargs)
            return env if self.trace_dir is None else TraceEpisodes(env, self.trace_dir)

        env: Any
        if use_async_envs and n_envs > 1:
            env = _LazyAsyncVectorEnv([make_one] * n_envs)
        else:
            env = gym.vector.SyncVectorEnv(
                [freeze_after_episode_end(make_one)] * n_envs,
                autoreset_mode=gym.vector.AutoresetMode.NEXT_STEP,
            )
        return {self.type: {0: env}}
