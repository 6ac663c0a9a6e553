"""Reads a LeRobot dataset's vectors without decoding any image, and normalises them as LeRobot does."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.dataset as arrow
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.processor import NormalizerProcessorStep, TransitionKey
from lerobot.processor.converters import create_transition
from torch import Tensor

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata


@dataclass
class Table:
    """Rows in the order of the dataset's global frame index.

    Attributes:
        index: shape (N,), int64; has gaps where only some episodes were downloaded.
        episode: shape (N,), int64.
        columns: by name, raw units, shape (N, size), float32.
    """

    index: np.ndarray
    episode: np.ndarray
    columns: dict[str, np.ndarray]


def read_table(meta: "LeRobotDatasetMetadata", names: tuple[str, ...]) -> Table:
    """Reads vector columns of all frames that are on this machine.

    Raises:
        ValueError: if the dataset lacks a column.
    """
    missing = [name for name in names if name not in meta.features]
    if missing:
        raise ValueError(f"the dataset {meta.repo_id!r} has no {', '.join(map(repr, missing))} column")
    table = arrow.dataset(_files(meta), format="parquet").to_table(columns=["index", "episode_index", *names])
    order = np.argsort(table["index"].to_numpy(), kind="stable")
    columns = {}
    for name in names:
        rows = np.stack(table[name].to_numpy()).astype(np.float32)
        columns[name] = rows.reshape(len(rows), -1)[order]
    return Table(
        index=table["index"].to_numpy()[order].astype(np.int64),
        episode=table["episode_index"].to_numpy()[order].astype(np.int64),
        columns=columns,
    )


def normalise(
    values: dict[str, Tensor],
    features: dict[str, PolicyFeature],
    mode_of: dict[FeatureType, NormalizationMode],
    stats: dict[str, dict[str, Tensor]],
) -> dict[str, Tensor]:
    """Raw values (..., size) as LeRobot's own normaliser presents them to the policy."""
    step = NormalizerProcessorStep(features=features, norm_map=mode_of, stats=stats)
    normalised = {}
    for name, value in values.items():
        if features[name].type is FeatureType.ACTION:
            normalised[name] = step(create_transition(action=value))[TransitionKey.ACTION]
        else:
            transition = step(create_transition(observation={name: value}))
            normalised[name] = transition[TransitionKey.OBSERVATION][name]
    return normalised


def _files(meta: "LeRobotDatasetMetadata") -> list[str]:
    """The dataset's parquet files; fetched from the Hub where only the metadata is here (streaming)."""
    files = sorted(Path(meta.root).glob("data/**/*.parquet"))
    if not files:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            meta.repo_id, repo_type="dataset", revision=meta.revision, allow_patterns="data/**"
        )
        files = sorted(Path(folder).glob("data/**/*.parquet"))
    return [str(file) for file in files]
