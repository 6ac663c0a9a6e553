"""Reads what LeRobot's commands leave behind."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lerobot_anchorvla.evaluation.intervals import Rate

_LOSS = re.compile(r"\bloss:([0-9.eE+-]+|nan|inf)\b")


@dataclass(frozen=True)
class EvalResult:
    """`rate`: of success. `seconds`: wall time of the rollouts."""

    rate: Rate
    seconds: float


def read_eval(folder: Path) -> EvalResult:
    """The result of one `lerobot-eval --output_dir=folder`."""
    info = json.loads((folder / "eval_info.json").read_text())
    successes = [bool(success) for task in info["per_task"] for success in task["metrics"]["successes"]]
    return EvalResult(Rate(sum(successes), len(successes)), float(info["overall"]["eval_s"]))


def learning_curve(log: Path, log_freq: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and mean losses from the log of a `lerobot-train --log_freq=N` that started at step 0.

    LeRobot rounds the step that it prints (1K for 1,020), so the steps are counted: one line every N.
    """
    losses = np.array([float(match[1]) for match in _LOSS.finditer(log.read_text(errors="replace"))])
    return log_freq * np.arange(1, len(losses) + 1), losses


def last_checkpoint(train_dir: Path) -> Path:
    """The `pretrained_model` folder of a training's last checkpoint."""
    return train_dir / "checkpoints" / "last" / "pretrained_model"


def image_size(dataset_root: Path) -> tuple[int, int]:
    """Height and width of a dataset's images, in pixels.

    Raises:
        ValueError: if the dataset has no images.
    """
    features = json.loads((dataset_root / "meta" / "info.json").read_text())["features"]
    for name, feature in sorted(features.items()):
        if name.startswith("observation.images."):
            height, width = feature["shape"][:2]
            return height, width
    raise ValueError(f"the dataset {dataset_root} has no camera (observation.images.*)")
