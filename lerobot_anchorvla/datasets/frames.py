"""How demonstrations become frames of a LeRobot dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from lerobot_anchorvla.datasets.simulate_episode import Attempt
from lerobot_anchorvla.sim.signals import ACTION_NAMES, CAMERAS, CONTROL_HZ, STATE_NAMES, TARGET_NAMES

if TYPE_CHECKING:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig

ROBOT_TYPE = "go2_so101"


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


def create_dataset(folder: Path, config: DemosConfig) -> LeRobotDataset:
    """An empty dataset, to which `add_episode` adds."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    return LeRobotDataset.create(
        config.dataset_name,
        fps=CONTROL_HZ,
        features=dataset_features(config),
        root=folder,
        robot_type=ROBOT_TYPE,
        use_videos=config.video,
        image_writer_threads=0 if config.video else 2,
        streaming_encoding=config.video,
        # LeRobot drops frames when the encoder's queue is full, which breaks the dataset: hold an episode.
        encoder_queue_maxsize=config.episode_length + 1,
    )


def add_episode(dataset: LeRobotDataset, attempt: Attempt) -> None:
    """Add an attempt that succeeded, with its instruction as the task of every frame."""
    episode = attempt.frames
    for t in range(len(episode["action"])):
        frame: dict[str, Any] = {f"observation.images.{camera}": episode[camera][t] for camera in CAMERAS}
        frame["observation.state"] = episode["state"][t]
        frame["observation.environment_state"] = episode["target"][t]
        frame["action"] = episode["action"][t]
        frame["task"] = attempt.instruction
        dataset.add_frame(frame)
    dataset.save_episode()
