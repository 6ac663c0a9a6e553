"""Attempts at demonstrations: simulated by several processes, taken in the order of their numbers."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from lerobot_anchorvla.datasets.simulate_episode import Attempt, plan_episode, simulate_episode
from lerobot_anchorvla.datasets.staging import Staging
from lerobot_anchorvla.workers import worker_pool

if TYPE_CHECKING:
    from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env


def simulated_attempts(
    staging: Staging, config: DemosConfig, interrupted: threading.Event
) -> Generator[tuple[int, Attempt]]:
    """Attempts and their numbers, in order, simulated ahead by the workers.

    It ends when the caller has enough or at an interrupt.

    Raises:
        ValueError: when the expert fails so often that the world is no place for demonstrations.
    """
    workers = config.workers or os.cpu_count() or 1
    most = 2 * config.episodes + 20
    failures = 0
    pending: dict[int, Future[None]] = {}
    with (
        worker_pool(workers, _prepare, config) as pool,
        tqdm(total=config.episodes, unit="episode", desc="recording") as bar,
    ):
        for number in range(most):
            ahead = min(number + 2 * workers, config.episodes + failures, most)
            for each in range(number, ahead):
                if each not in pending and not staging.has(each):
                    pending[each] = pool.submit(_simulate, staging.root, each)
            if not _wait(pending.pop(number, None), interrupted):
                return
            attempt = staging.read(number)
            failures += not attempt.success
            bar.update(attempt.success)
            yield number, attempt
    raise ValueError(
        f"the expert failed in {failures} of {most} attempts, which is too many to go on. Weaken the "
        "disturbances or choose another level; anchorvla experts tells how often it succeeds."
    )


def _wait(future: Future[None] | None, interrupted: threading.Event) -> bool:
    """Wait for an attempt; False when an interrupt came first."""
    while not interrupted.is_set():
        if future is None:
            return True
        try:
            future.result(timeout=0.2)
            return True
        except TimeoutError:
            continue
    return False


_config: DemosConfig
_env: Go2SO101Env


def _prepare(config: DemosConfig) -> None:
    """One environment a process, so that the model is compiled and a renderer opened only once."""
    global _config, _env
    _config, _env = config, make_environment(config)


def make_environment(config: DemosConfig) -> Go2SO101Env:
    """The environment of a recording."""
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env

    return Go2SO101Env(
        image_height=config.image_height,
        image_width=config.image_width,
        episode_length=config.episode_length,
        **config.world_options(),
    )


def _simulate(root: Path, number: int) -> None:
    plan = plan_episode(_config.task, _config.seed, number)
    Staging(root).write(number, simulate_episode(_env, plan))
