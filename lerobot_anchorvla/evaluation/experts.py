"""`anchorvla experts`: how often the scripted expert succeeds in a world, without images or a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.sim.experts import make_expert, mode_names
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH
from lerobot_anchorvla.workers import worker_pool

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.world import World


@dataclass(kw_only=True)
class ExpertsConfig(WorldOptions):
    """In which world the expert acts, and how often."""

    # Episodes; they take the expert's modes in turn.
    episodes: int = 100
    # Seed of the first episode, as an environment is reset with; the next ones count up.
    seed: int = 0
    # Only this mode of the expert. By default all of them.
    mode: str | None = None
    # An episode without success ends after this many ticks (15 a second).
    episode_length: int = EPISODE_LENGTH
    # Processes that simulate; 0 means one per CPU core.
    workers: int = 0
    # Folder for a film strip of the first episode of each mode, as JPEG. By default none is drawn.
    strips: Path | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world()
        check_at_least(self, episodes=1, seed=0, episode_length=1, workers=0)
        if self.mode is not None and self.mode not in mode_names(self.task):
            raise ValueError(f"mode must be one of {mode_names(self.task)}, got {self.mode!r}")

    @property
    def plan(self) -> list[tuple[int, str]]:
        """Seed and mode of each episode."""
        modes = mode_names(self.task) if self.mode is None else [self.mode]
        return [(self.seed + i, modes[i % len(modes)]) for i in range(self.episodes)]


@dataclass(frozen=True)
class Attempt:
    """How the expert fared in one episode.

    Attributes:
        seed: of the episode.
        mode: of the expert.
        success, fallen: whether the task was completed, and whether the robot fell over.
        ticks: until the end of the episode.
        progress: of the task at the end [m].
    """

    seed: int
    mode: str
    success: bool
    fallen: bool
    ticks: int
    progress: float

    def __str__(self) -> str:
        end = "success" if self.success else "fell over" if self.fallen else "failure"
        return f"seed {self.seed}, {self.mode}: {end} at tick {self.ticks}, progress {self.progress:.3f} m"


@dataclass(frozen=True)
class ExpertsReport:
    """All attempts in one world."""

    attempts: list[Attempt]

    @property
    def success(self) -> Rate:
        return _rate(self.attempts)

    @property
    def by_mode(self) -> dict[str, Rate]:
        """In the order in which the modes were first taken."""
        modes = dict.fromkeys(attempt.mode for attempt in self.attempts)
        return {mode: _rate(each for each in self.attempts if each.mode == mode) for mode in modes}

    def __str__(self) -> str:
        ticks = [attempt.ticks for attempt in self.attempts if attempt.success]
        falls = sum(attempt.fallen for attempt in self.attempts)
        lines = [f"success: {self.success}; falls: {falls}"]
        if ticks:
            lines.append(f"ticks to success: median {np.median(ticks):.0f}, longest {max(ticks)}")
        lines += [f"  {mode}: {rate}" for mode, rate in self.by_mode.items()]
        lines += [f"  {attempt}" for attempt in self.attempts if not attempt.success]
        return "\n".join(lines)


def _rate(attempts: Iterable[Attempt]) -> Rate:
    successes = [attempt.success for attempt in attempts]
    return Rate(sum(successes), len(successes))


def evaluate_experts(config: ExpertsConfig) -> ExpertsReport:
    """Simulates and prints all attempts; the number of workers changes nothing but the time."""
    with worker_pool(config.workers, _prepare, config) as pool:
        attempts = pool.map(_attempt, config.plan)
        report = ExpertsReport(list(tqdm(attempts, total=config.episodes, unit="episode", desc=config.task)))
    print(report)
    if config.strips is not None:
        from lerobot_anchorvla.evaluation.expert_strips import draw_expert_strips

        draw_expert_strips(config, config.strips)
    return report


def play(world: World, seed: int, mode: str, episode_length: int = EPISODE_LENGTH) -> Attempt:
    """One episode of the world's task in the hands of its expert."""
    world.reset(np.random.default_rng(seed))
    expert = make_expert(world.task.name, mode)
    ticks = 0
    while not (world.succeeded() or world.fallen() or ticks == episode_length):
        world.step(expert.act(world.state(), world.target()))
        ticks += 1
    return Attempt(seed, mode, world.succeeded(), world.fallen(), ticks, world.progress())


_config: ExpertsConfig
_world: World


def _prepare(config: ExpertsConfig) -> None:
    """One world a process, so that the model is compiled only once."""
    from lerobot_anchorvla.sim.world import World

    global _config, _world
    _config, _world = config, World(WorldOptions(**config.world_options()))


def _attempt(planned: tuple[int, str]) -> Attempt:
    return play(_world, *planned, _config.episode_length)
