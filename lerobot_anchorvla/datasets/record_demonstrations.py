"""Records demonstrations of a scripted expert into a LeRobot dataset."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.datasets.attempts import simulated_attempts
from lerobot_anchorvla.datasets.names import EPISODES_FILE, REPO_ID, SETTINGS_FILE
from lerobot_anchorvla.datasets.simulate_episode import plan_episode
from lerobot_anchorvla.datasets.staging import Staging, refuse_other_settings
from lerobot_anchorvla.sim.signals import (
    ACTION_NAMES,
    CAMERAS,
    CONTROL_HZ,
    IMAGE_SIZE,
    STATE_NAMES,
    TARGET_NAMES,
)
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH, TASKS

if TYPE_CHECKING:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

logger = logging.getLogger(__name__)

ROBOT_TYPE = "go2_so101"


@dataclass
class DemosConfig:
    """What to record, and where."""

    # What the expert does: open_drawer.
    task: str = "open_drawer"
    # How many successful demonstrations to record; failed attempts are dropped and made up for.
    episodes: int = 100
    # Folder of the dataset. By default LeRobot's own folder for repo_id.
    root: Path | None = None
    # Name of the dataset, as LeRobot and the Hub know it.
    repo_id: str = REPO_ID
    # Seed of the recording: the same seed gives the same demonstrations, whatever the number of workers.
    seed: int = 0
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
        if self.task not in TASKS:
            raise ValueError(f"task must be one of {list(TASKS)}, got {self.task!r}")
        check_at_least(self, episodes=1, image_height=4, image_width=4, workers=0, seed=0)

    @property
    def settings(self) -> dict[str, Any]:
        """What the content of the dataset depends on."""
        names = ("task", "episodes", "repo_id", "seed", "image_height", "image_width", "video")
        return {name: getattr(self, name) for name in names}


@dataclass
class DemosReport:
    """What was recorded.

    Attributes:
        root: folder of the dataset.
        episodes, frames: kept.
        attempts: demonstrations tried, kept or not.
        modes: kept episodes by mode.
        seconds: wall-clock time of this call.
    """

    root: Path
    episodes: int = 0
    frames: int = 0
    attempts: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        modes = ", ".join(f"{mode} {count}" for mode, count in sorted(self.modes.items()))
        return (
            f"{self.episodes} episodes ({self.frames} frames) of {self.attempts} attempts in {self.root}, "
            f"{self.seconds:.0f} s; by mode: {modes}"
        )


@dataclass(frozen=True)
class _EpisodeRecord:
    """One line of `EPISODES_FILE`."""

    episode_index: int
    attempt: int
    mode: str
    seed: int
    length: int

    @classmethod
    def read(cls, line: str) -> _EpisodeRecord:
        stored = json.loads(line)
        return cls(**{each.name: stored[each.name] for each in fields(cls)})


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

    return Path(HF_LEROBOT_HOME) / config.repo_id


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
    refuse_other_settings(root / SETTINGS_FILE, config.settings, root)
    lines = (root / EPISODES_FILE).read_text().splitlines()
    return _report(root, [_EpisodeRecord.read(line) for line in lines])


def _record(staging: Staging, config: DemosConfig) -> DemosReport:
    staging.open(config.settings)
    records: list[_EpisodeRecord] = []
    dataset = _create_dataset(staging.dataset, config)
    with _deferred_interrupt() as interrupted, _quiet_datasets():
        with contextlib.closing(simulated_attempts(staging, config, interrupted)) as attempts:
            for attempt, episode in attempts:
                if episode is not None:
                    _add_episode(dataset, episode, TASKS[config.task])
                    plan = plan_episode(config.task, config.seed, attempt)
                    length = len(episode["action"])
                    records.append(_EpisodeRecord(len(records), attempt, plan.mode, plan.seed, length))
                if len(records) == config.episodes:
                    break
        dataset.finalize()
        if records:
            _write_metadata(staging.dataset, config, records)
            staging.publish()
    if interrupted.is_set():
        logger.warning(
            "Interrupted with %d of %d episodes; run again to go on.", len(records), config.episodes
        )
        raise KeyboardInterrupt
    staging.remove()
    return _report(staging.root, records)


def _report(root: Path, records: list[_EpisodeRecord]) -> DemosReport:
    return DemosReport(
        root=root,
        episodes=len(records),
        frames=sum(record.length for record in records),
        attempts=records[-1].attempt + 1,
        modes=Counter(record.mode for record in records),
    )


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


# The dataset.


def dataset_features(config: DemosConfig) -> dict[str, dict[str, Any]]:
    """Features of the dataset, as LeRobot wants them."""
    image = {
        "dtype": "video" if config.video else "image",
        "shape": (config.image_height, config.image_width, 3),
        "names": ["height", "width", "channels"],
    }
    vectors = {
        "observation.state": STATE_NAMES,
        "observation.environment_state": TARGET_NAMES,
        "action": ACTION_NAMES,
    }
    return {f"observation.images.{camera}": dict(image) for camera in CAMERAS} | {
        key: {"dtype": "float32", "shape": (len(names),), "names": list(names)}
        for key, names in vectors.items()
    }


def _create_dataset(folder: Path, config: DemosConfig) -> LeRobotDataset:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset.create(
        config.repo_id,
        fps=CONTROL_HZ,
        features=dataset_features(config),
        root=folder,
        robot_type=ROBOT_TYPE,
        use_videos=config.video,
        image_writer_threads=0 if config.video else 2,
        streaming_encoding=config.video,
        # LeRobot drops frames when the encoder's queue is full, which breaks the dataset: hold an episode.
        encoder_queue_maxsize=EPISODE_LENGTH + 1,
    )


def _add_episode(dataset: LeRobotDataset, episode: dict[str, np.ndarray], instruction: str) -> None:
    for t in range(len(episode["action"])):
        frame: dict[str, Any] = {f"observation.images.{camera}": episode[camera][t] for camera in CAMERAS}
        frame["observation.state"] = episode["state"][t]
        frame["observation.environment_state"] = episode["target"][t]
        frame["action"] = episode["action"][t]
        frame["task"] = instruction
        dataset.add_frame(frame)
    dataset.save_episode()


def _write_metadata(folder: Path, config: DemosConfig, records: list[_EpisodeRecord]) -> None:
    lines = [json.dumps(asdict(record)) + "\n" for record in records]
    (folder / EPISODES_FILE).write_text("".join(lines))
    (folder / SETTINGS_FILE).write_text(json.dumps(config.settings, indent=2) + "\n")


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
