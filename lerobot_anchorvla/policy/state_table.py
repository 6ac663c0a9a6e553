"""The states of a whole dataset in memory, so that residual training can look at later steps of a chunk.

LeRobot's loader could deliver later observations too, but only with all their images.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.dataset as arrow
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.processor import NormalizerProcessorStep
from torch import Tensor

from lerobot_anchorvla.policy.observation import ObservationLayout

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata


class StateTable:
    """Normalised states by global frame index.

    Attributes:
        states: shape (frames, S), float32.
        episode: shape (frames,), int64.
    """

    def __init__(self, states: Tensor, episode: Tensor):
        self.states = states
        self.episode = episode

    @classmethod
    def from_dataset(
        cls,
        meta: "LeRobotDatasetMetadata",
        layout: ObservationLayout,
        features: dict[str, PolicyFeature],
        normalization: dict[str, NormalizationMode],
    ) -> "StateTable":
        """Reads the states without decoding any image, and normalises them as LeRobot's processor does."""
        files = [str(file) for file in sorted(Path(meta.root).glob("data/**/*.parquet"))]
        columns = ["index", "episode_index", *layout.states]
        table = arrow.dataset(files, format="parquet").to_table(columns=columns)
        order = np.argsort(table["index"].to_numpy(), kind="stable")
        raw = {
            name: torch.from_numpy(np.stack(table[name].to_numpy()).astype(np.float32)[order])
            for name in layout.states
        }
        step = NormalizerProcessorStep(
            features={name: features[name] for name in layout.states},
            norm_map={FeatureType(kind): mode for kind, mode in normalization.items()},
            stats={name: meta.stats[name] for name in layout.states},
        )
        normalised = step._normalize_observation(raw, inverse=False)
        episode = torch.from_numpy(table["episode_index"].to_numpy()[order].astype(np.int64))
        return cls(layout.join(normalised, len(episode)), episode)

    def later(self, index: Tensor, steps: Tensor) -> Tensor:
        """The states `steps` frames after the frames `index`, both of shape (B,): (B, S)."""
        return self.states[(index + steps).cpu().clamp(max=len(self.states) - 1)]

    def drift_shape(self, horizon: int) -> Tensor:
        """A square root L of the covariance of s_{t+h} - s_t, shape (S, S).

        Errors drawn as L z move the dimensions together as the robot's own motion does: a base that is off
        by a centimetre shifts every position that is measured from it.
        """
        start = torch.arange(len(self.states) - horizon)
        start = start[self.episode[start] == self.episode[start + horizon]]
        change = (self.states[start + horizon] - self.states[start]).double()
        covariance = change.T @ change / max(len(change), 1)
        values, vectors = torch.linalg.eigh(covariance)
        return (vectors * values.clamp(min=0).sqrt()).float()
