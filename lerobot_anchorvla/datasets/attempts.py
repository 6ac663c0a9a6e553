"""Attempts at demonstrations: simulated by several processes, taken in the order of their numbers."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from lerobot_anchorvla.datasets.simulate_episode import plan_episode, simulate_episode
from lerobot_anchorvla.datasets.staging import Staging

if TYPE_CHECKING:
    from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig


def simulated_attempts(
    staging: Staging, config: DemosConfig, interrupted: threading.Event
) -> Generator[tuple[int, dict[str, np.ndarray] | None]]:
    """Attempts in order, simulated ahead by the workers, until the caller has enough or an interrupt."""
    workers = config.workers or os.cpu_count() or 1
    most = 2 * config.episodes + 20
    failures = 0
    pending: dict[int, Future[None]] = {}
    with _worker_pool(workers) as pool, tqdm(total=config.episodes, unit="episode", desc="recording") as bar:
        for attempt in range(most):
            ahead = min(attempt + 2 * workers, config.episodes + failures, most)
            for number in range(attempt, ahead):
                if number not in pending and not staging.has(number):
                    arguments = (staging.root, config.task, config.seed, number)
                    pending[number] = pool.submit(
                        _simulate, *arguments, config.image_height, config.image_width
                    )
            if not _wait(pending.pop(attempt, None), interrupted):
                return
            episode = staging.read(attempt)
            failures += episode is None
            bar.update(episode is not None)
            yield attempt, episode
    raise RuntimeError(f"The expert failed in {failures} of {most} attempts, which is too many to go on.")


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


@contextlib.contextmanager
def _worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Processes with one thread each; they start afresh, since a forked OpenGL context does not work."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited: numpy reads it when it is imported
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        os.environ.pop("OMP_NUM_THREADS", None)
        if before is not None:
            os.environ["OMP_NUM_THREADS"] = before


def _start_worker() -> None:
    """Leave Ctrl-C to the parent, and end with it even when it is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def end_with_parent() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()


def _simulate(root: Path, task: str, seed: int, attempt: int, image_height: int, image_width: int) -> None:
    plan = plan_episode(task, seed, attempt)
    Staging(root).write(attempt, simulate_episode(task, plan, image_height, image_width))
