"""`anchorvla demos`: records demonstrations of a scripted expert into a LeRobot dataset."""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.datasets.attempts import simulated_attempts
from lerobot_anchorvla.datasets.frames import add_episode, create_dataset
from lerobot_anchorvla.datasets.names import SETTINGS_FILE, repo_id_of
from lerobot_anchorvla.datasets.records import (
    AttemptRecord,
    DemosReport,
    EpisodeRecord,
    read_report,
    write_metadata,
)
from lerobot_anchorvla.datasets.simulate_episode import plan_episode
from lerobot_anchorvla.datasets.staging import Staging, refuse_other_settings
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import IMAGE_SIZE, check_image_size
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH

logger = logging.getLogger(__name__)

FIRST_VERSION = {
    **asdict(WorldOptions(base="planar", level="fixed")),
    "disturbances": Disturbances().resolved(),
    "episode_length": 300,
}
"""Settings that the datasets of the first version were recorded with and do not mention."""


@dataclass(kw_only=True)
class DemosConfig(WorldOptions):
    """What to record, in which world, and where."""

    # How many successful demonstrations to record; failed attempts are dropped and made up for.
    episodes: int = 100
    # Folder of the dataset. By default LeRobot's own folder for repo_id.
    root: Path | None = None
    # Name of the dataset, as LeRobot and the Hub know it. By default local/go2_so101_ and the task's name.
    repo_id: str | None = None
    # Seed of the recording: the same seed gives the same demonstrations, whatever the number of workers.
    seed: int = 0
    # An attempt without success ends after this many ticks (15 a second).
    episode_length: int = EPISODE_LENGTH
    # Height of the camera images, in pixels.
    image_height: int = IMAGE_SIZE
    # Width of the camera images, in pixels.
    image_width: int = IMAGE_SIZE
    # Store the images as videos: smaller files, but every training sample decodes them again.
    video: bool = False
    # Processes that simulate; 0 means one per CPU core.
    workers: int = 0
    # Throw away a dataset or an unfinished recording that is already there.
    overwrite: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world()
        check_image_size(self.image_height, self.image_width)
        check_at_least(self, episodes=1, episode_length=1, workers=0, seed=0)

    @property
    def dataset_name(self) -> str:
        return self.repo_id or repo_id_of(self.task)

    @property
    def settings(self) -> dict[str, Any]:
        """What the content of the dataset depends on, as JSON has it."""
        names = ("episodes", "seed", "episode_length", "image_height", "image_width", "video")
        world = {name: value for name, value in asdict(self).items() if name in self.world_options()}
        own = {name: getattr(self, name) for name in names}
        disturbances = {"disturbances": self.disturbances.resolved()}
        return {**world, **disturbances, "repo_id": self.dataset_name, **own}


def record_demonstrations(config: DemosConfig) -> DemosReport:
    """Record `config.episodes` demonstrations, or go on with a recording that was interrupted.

    The dataset appears in `config.root` when it is complete. Ctrl-C puts there what is recorded so far and
    raises KeyboardInterrupt; calling again with the same config goes on from there, also after a crash.
    """
    start = time.perf_counter()
    root = _resolve_root(config)
    staging = Staging(root)
    try:
        if config.overwrite:
            _clear(staging)
        finished = _finished_report(staging, config)
        report = finished or _record(staging, config)
    except OSError as error:
        raise _explain(error, staging) from error
    report.seconds = time.perf_counter() - start
    logger.info("%s", report)
    return report


def _resolve_root(config: DemosConfig) -> Path:
    if config.root is not None:
        return Path(config.root).expanduser().absolute()
    from lerobot.utils.constants import HF_LEROBOT_HOME

    return Path(HF_LEROBOT_HOME) / config.dataset_name


def _clear(staging: Staging) -> None:
    """Remove what an earlier recording left, but nothing that is not a dataset."""
    root = staging.root
    if root.is_dir() and any(root.iterdir()) and not (root / "meta" / "info.json").exists():
        raise ValueError(
            f"root={root} is not a LeRobot dataset, so overwrite does not remove it. Give another root."
        )
    if root.is_dir():
        shutil.rmtree(root)
    staging.remove()


def _finished_report(staging: Staging, config: DemosConfig) -> DemosReport | None:
    """The report of a dataset that is already complete; None where there is still something to record."""
    root = staging.root
    if staging.folder.exists() or not root.exists():
        return None
    if not root.is_dir():
        raise ValueError(f"root={root} is a file. Give a folder that does not exist yet.")
    if not any(root.iterdir()):
        root.rmdir()
        return None
    if not (root / SETTINGS_FILE).exists():
        raise ValueError(f"root={root} holds something else than a recording. Give another root.")
    refuse_other_settings(root / SETTINGS_FILE, config.settings, root, unwritten=FIRST_VERSION)
    return read_report(root, config.task, config.seed)


def _record(staging: Staging, config: DemosConfig) -> DemosReport:
    staging.open(config.settings)
    kept: list[EpisodeRecord] = []
    tried: list[AttemptRecord] = []
    dataset = create_dataset(staging.dataset, config)
    with _deferred_interrupt() as interrupted, _quiet_datasets():
        with contextlib.closing(simulated_attempts(staging, config, interrupted)) as attempts:
            for number, attempt in attempts:
                plan = plan_episode(config.task, config.seed, number)
                tried.append(AttemptRecord(number, plan.mode, plan.seed, attempt.success, attempt.fallen))
                if attempt.success:
                    add_episode(dataset, attempt)
                    length = len(attempt.frames["action"])
                    kept.append(EpisodeRecord(len(kept), number, plan.mode, plan.seed, length))
                if len(kept) == config.episodes:
                    break
        dataset.finalize()
        if kept:
            write_metadata(staging.dataset, config.settings, kept, tried)
            staging.publish()
    if interrupted.is_set():
        logger.warning("Interrupted with %d of %d episodes; run again to go on.", len(kept), config.episodes)
        raise KeyboardInterrupt
    staging.remove()
    return DemosReport.of(staging.root, kept, tried)


@contextlib.contextmanager
def _deferred_interrupt() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event, so that it cannot tear an episode; a second one acts at once."""
    interrupted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def note(signum: int, frame: object) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Keep the one progress bar: `datasets` would draw another for each episode."""
    import datasets

    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            datasets.enable_progress_bars()


def _explain(error: OSError, staging: Staging) -> OSError:
    """The same error in words that say what to do."""
    if error.errno == errno.ENOSPC:
        advice = (
            f"the disk is full. Free some space and run again: whole episodes are kept in {staging.folder}."
        )
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR):
        advice = f"root={staging.root} cannot be written ({error.strerror}). Give another root."
    else:
        return error
    return type(error)(error.errno, f"Recording stopped: {advice}")
