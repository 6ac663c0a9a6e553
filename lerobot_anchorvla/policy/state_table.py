"""The states of a whole dataset in memory, so that residual training can look at later steps of a chunk.

LeRobot's loader could deliver later observations too, but only with all their images.
"""

from typing import TYPE_CHECKING

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from torch import Tensor

from lerobot_anchorvla.policy.dataset_tables import normalise, read_table
from lerobot_anchorvla.policy.observation import ObservationLayout

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata


class StateTable:
    """Normalised states by global frame index.

    Attributes:
        states: shape (frames, S), float32.
        episode: shape (frames,), int64.
        index: shape (frames,), int64, rising: the global frame index of each row.
    """

    def __init__(self, states: Tensor, episode: Tensor, index: Tensor):
        self.states = states
        self.episode = episode
        self.index = index

    @classmethod
    def from_dataset(
        cls,
        meta: "LeRobotDatasetMetadata",
        layout: ObservationLayout,
        features: dict[str, PolicyFeature],
        normalization: dict[str, NormalizationMode],
    ) -> "StateTable":
        """Reads the states of all frames, normalised as LeRobot's processor does.

        Raises:
            ValueError: if the dataset lacks one of the policy's states.
        """
        table = read_table(meta, layout.states)
        normalised = normalise(
            {name: torch.from_numpy(column) for name, column in table.columns.items()},
            {name: features[name] for name in layout.states},
            {FeatureType(kind): mode for kind, mode in normalization.items()},
            {name: meta.stats[name] for name in layout.states},
        )
        states = layout.join(normalised, like=torch.empty(len(table.index)))
        return cls(states, torch.from_numpy(table.episode), torch.from_numpy(table.index))

    def later(self, index: Tensor, steps: Tensor) -> Tensor:
        """The states `steps` frames after the frames `index`, both of shape (B,): (B, S).

        Raises:
            IndexError: if a frame is not in the table.
        """
        wanted = (index + steps).cpu().contiguous()
        rows = torch.searchsorted(self.index, wanted).clamp(max=len(self.index) - 1)
        absent = wanted[self.index[rows] != wanted]
        if len(absent):
            raise IndexError(f"frame {int(absent[0])} of the dataset is not on this machine")
        return self.states[rows]

    def drift_shape(self, horizon: int) -> Tensor:
        """A square root L of the covariance of s_{t+h} - s_t, shape (S, S).

        Errors drawn as L z move the dimensions together as the robot's own motion does: a base that is off
        by a centimetre shifts every position that is measured from it.
        """
        start = torch.arange(max(len(self.states) - horizon, 0))
        start = start[self.episode[start] == self.episode[start + horizon]]
        change = (self.states[start + horizon] - self.states[start]).double()
        covariance = change.T @ change / max(len(change), 1)
        values, vectors = torch.linalg.eigh(covariance)
        return (vectors * values.clamp(min=0).sqrt()).float()
