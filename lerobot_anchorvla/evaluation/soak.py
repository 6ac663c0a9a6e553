"""`anchorvla soak`: many episodes of random actions, to see that the world neither breaks nor leaks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil
from tqdm import tqdm

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import CommandError
from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.sim.options import WorldOptions

START_DISTANCES = (0.5, 1.5)  # of the base's middle from the target [m]: many episodes touch the furniture
HOLD_PROBABILITY = 0.8  # of an action, at each tick, so that the robot gets somewhere


@dataclass(kw_only=True)
class SoakConfig(WorldOptions):
    """Which world, how many episodes, and how much memory they may cost."""

    # Episodes of random actions.
    episodes: int = 1000
    # Ticks of an episode (15 a second). Short ones are enough to wear the reset, where a leak is likeliest.
    episode_length: int = 30
    # Seed of the first episode; the next ones count up.
    seed: int = 0
    # Height and width of the images, in pixels; both cameras render on every tick.
    image_size: int = 16
    # Episodes until memory counts: caches are filled by then.
    warm_up: int = 100
    # Megabytes by which the resident memory may grow after the warm-up.
    max_growth: float = 20.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world()
        check_at_least(self, episodes=1, episode_length=1, seed=0, image_size=4, warm_up=1, max_growth=0)
        if self.warm_up >= self.episodes:
            raise ValueError(
                f"warm_up={self.warm_up} leaves no episode to measure; it must be below "
                f"episodes={self.episodes}"
            )


@dataclass
class SoakReport:
    """What happened.

    Attributes:
        episodes, ticks: that were simulated.
        falls: episodes that ended with the robot on the floor.
        successes: episodes in which the task got done, by chance.
        memory: resident memory of the process [MB], by when it was measured.
    """

    episodes: int = 0
    ticks: int = 0
    falls: int = 0
    successes: int = 0
    memory: dict[str, float] = field(default_factory=dict)

    @property
    def growth(self) -> float:
        """Of the resident memory after the warm-up [MB]."""
        return self.memory["at the end"] - self.memory["after the warm-up"]

    def __str__(self) -> str:
        memory = ", ".join(f"{size:.1f} MB {moment}" for moment, size in self.memory.items())
        return (
            f"{self.episodes:,} episodes, {self.ticks:,} ticks, {self.falls} falls, "
            f"{self.successes} successes; resident memory: {memory}"
        )


def run_soak(config: SoakConfig) -> SoakReport:
    """Simulates and prints all episodes.

    Raises:
        CommandError: if a number is not finite, the physics diverges, or the memory grows too much.
    """
    report = SoakReport()
    env = Go2SO101Env(
        image_height=config.image_size,
        image_width=config.image_size,
        episode_length=config.episode_length,
        **config.world_options(),
    )
    report.memory["at the start"] = resident_memory()
    for number in tqdm(range(config.episodes), unit="episode", desc=f"{config.task}, {config.base}"):
        if number == config.warm_up:
            report.memory["after the warm-up"] = resident_memory()
        _episode(env, config.seed + number, report)
    report.memory["at the end"] = resident_memory()
    env.close()
    print(report)
    if report.growth > config.max_growth:
        raise CommandError(
            f"resident memory grew by {report.growth:.1f} MB in {config.episodes - config.warm_up} episodes "
            f"after the warm-up, more than max_growth={config.max_growth:g}"
        )
    return report


def _episode(env: Go2SO101Env, seed: int, report: SoakReport) -> None:
    rng = np.random.default_rng(seed)
    env.action_space.seed(seed)
    _reset_near_target(env, seed, rng)
    action, ended = env.action_space.sample(), False
    while not ended:
        if rng.random() > HOLD_PROBABILITY:
            action = env.action_space.sample()
        observation, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
        report.ticks += 1
        check_finite(env, observation, f"the episode of seed {seed}")
    report.episodes += 1
    report.falls += info["fallen"]
    report.successes += info["is_success"]


def _reset_near_target(env: Go2SO101Env, seed: int, rng: np.random.Generator) -> None:
    """The episode of that seed, with the robot at a random distance before what it is to grasp."""
    env.reset(seed=seed)
    position, heading = env.world.task.target(env.world.data)
    way = rng.uniform(*START_DISTANCES) * np.array([np.cos(heading), np.sin(heading)])
    env.reset(seed=seed, options={"start": np.array([*(position[:2] - way), heading])})


def check_finite(env: Go2SO101Env, observation: dict[str, Any], where: str) -> None:
    """Raises a CommandError if the world has diverged, or anything that it shows is not finite."""
    data = env.world.data
    shown = {"qpos": data.qpos, "qvel": data.qvel, "progress": np.array(env.world.progress())}
    shown |= {name: values for name, values in observation.items() if name != "pixels"}
    for name, values in shown.items():
        if not np.isfinite(values).all():
            raise CommandError(f"{name} is not finite in {where}: {values}")
    if env.world.diverged():
        raise CommandError(f"the physics diverged in {where}")


def resident_memory() -> float:
    """Of this process [MB]."""
    return psutil.Process().memory_info().rss / 1e6
