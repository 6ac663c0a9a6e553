"""The statistics that normalise the action, kept with what was learned under them."""

from dataclasses import dataclass

import numpy as np
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.utils.constants import ACTION
from torch import Tensor

from lerobot_anchorvla.policy.dataset_tables import normalise

_STATISTICS_OF_MODE = {
    NormalizationMode.IDENTITY: ("min", "max"),
    NormalizationMode.MIN_MAX: ("min", "max"),
    NormalizationMode.MEAN_STD: ("mean", "std"),
    NormalizationMode.QUANTILES: ("q01", "q99"),
    NormalizationMode.QUANTILE10: ("q10", "q90"),
}


@dataclass
class ActionStatistics:
    """The statistics that normalise the action, in raw units.

    Attributes:
        mode: LeRobot's normalisation of the action.
        values: shape (2, A), float32: the two statistics that `mode` uses, such as minimum and maximum.
        stats: the same, by name, as LeRobot's normaliser wants them.
    """

    mode: NormalizationMode
    values: Tensor
    stats: dict[str, Tensor]

    @classmethod
    def from_dataset(cls, dataset_stats: dict, mode: NormalizationMode) -> "ActionStatistics":
        """Reads what `mode` needs from a dataset's statistics.

        Raises:
            ValueError: if the action or a statistic is missing, or a value is not finite.
        """
        action_stats = dataset_stats.get(ACTION)
        if not action_stats:
            raise ValueError(f"the dataset has no statistics of {ACTION!r}; AnchorVLA learns from actions")
        names = _STATISTICS_OF_MODE[mode]
        missing = [name for name in names if name not in action_stats]
        if missing:
            raise ValueError(
                f"action statistics {missing} are missing, which normalization_mapping ACTION={mode.value} "
                "needs; recompute the dataset's statistics or choose another mode"
            )
        stats = {name: torch.as_tensor(np.asarray(action_stats[name]), dtype=torch.float32) for name in names}
        values = torch.stack([stats[name] for name in names])
        if not torch.isfinite(values).all():
            raise ValueError(f"the dataset's action statistics {list(names)} hold NaN or infinity")
        return cls(mode, values, stats)

    def normalise(self, actions: Tensor) -> Tensor:
        """Raw actions (..., A) as LeRobot's own normaliser presents them to the policy."""
        features = {ACTION: PolicyFeature(type=FeatureType.ACTION, shape=(actions.shape[-1],))}
        normalised = normalise(
            {ACTION: actions}, features, {FeatureType.ACTION: self.mode}, {ACTION: self.stats}
        )
        return normalised[ACTION]

    @property
    def names(self) -> tuple[str, str]:
        """Of the two statistics, such as min and max."""
        return _STATISTICS_OF_MODE[self.mode]
