"""The trajectory vocabulary: K anchor chunks, clustered from the training demonstrations (paper, Eq. 8).

Anchors live in normalised action space, as the denoiser sees them, and are kept together with the action
statistics that they were normalised by, so that a checkpoint whose statistics no longer fit is noticed.
"""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.dataset as arrow
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.processor import NormalizerProcessorStep
from lerobot.utils.constants import ACTION
from torch import Tensor, nn

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

logger = logging.getLogger(__name__)

COVERAGE_QUANTILES = (0.5, 0.9, 0.99)
_STATISTICS_OF_MODE = {
    NormalizationMode.IDENTITY: ("min", "max"),
    NormalizationMode.MIN_MAX: ("min", "max"),
    NormalizationMode.MEAN_STD: ("mean", "std"),
    NormalizationMode.QUANTILES: ("q01", "q99"),
    NormalizationMode.QUANTILE10: ("q10", "q90"),
}
_MINI_BATCH_ABOVE = 200_000
_KMEANS_RESTARTS = 10
_DISTANCE_CHUNK = 4096


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
        feature = PolicyFeature(type=FeatureType.ACTION, shape=(actions.shape[-1],))
        step = NormalizerProcessorStep(
            features={ACTION: feature}, norm_map={FeatureType.ACTION: self.mode}, stats={ACTION: self.stats}
        )
        return step._normalize_action(actions, inverse=False)


class TrajectoryVocabulary(nn.Module):
    """K anchors in buffers, so that they are saved, pushed and reloaded with the weights.

    Attributes:
        anchors: V, shape (K, H, A), normalised.
        counts: shape (K,), int64: windows whose nearest anchor (L1) this is.
        spread: shape (K,): mean L1 distance of those windows to the anchor, per action element.
        coverage: shape (3,): quantiles 0.5, 0.9, 0.99 of every window's distance to its nearest anchor.
        statistics: shape (2, A): the action statistics that the anchors were normalised by.
        fitted: shape (), bool.
    """

    anchors: Tensor
    counts: Tensor
    spread: Tensor
    coverage: Tensor
    statistics: Tensor
    fitted: Tensor

    def __init__(self, num_anchors: int, horizon: int, action_dim: int):
        super().__init__()
        self.register_buffer("anchors", torch.zeros(num_anchors, horizon, action_dim))
        self.register_buffer("counts", torch.zeros(num_anchors, dtype=torch.int64))
        self.register_buffer("spread", torch.zeros(num_anchors))
        self.register_buffer("coverage", torch.zeros(len(COVERAGE_QUANTILES)))
        self.register_buffer("statistics", torch.zeros(2, action_dim))
        self.register_buffer("fitted", torch.tensor(False))

    def fit(
        self,
        episodes: list[np.ndarray],
        statistics: ActionStatistics,
        gripper_columns: list[int],
        seed: int,
    ) -> None:
        """Clusters all complete windows of the episodes with k-means.

        A centroid averages its members; where some of them have the gripper open and others closed, the
        average is a half-open gripper that nobody demonstrated. The gripper's columns are therefore taken
        from the member nearest to the centroid.

        Args:
            episodes: raw actions, one array a demonstration, shape (T_i, A).
            statistics: how the action is normalised.
            gripper_columns: action columns that must not be averaged.
            seed: of the clustering.

        Raises:
            ValueError: on fewer distinct windows than anchors.
        """
        num_anchors, horizon, action_dim = self.anchors.shape
        windows = statistics.normalise(torch.from_numpy(sliding_windows(episodes, horizon)))
        flat = windows.flatten(1).numpy()
        distinct = np.unique(flat, axis=0)
        if len(distinct) < num_anchors:
            raise ValueError(
                f"the dataset has {len(distinct)} distinct action windows of chunk_size={horizon}, fewer "
                f"than num_anchors={num_anchors}; record more demonstrations or lower num_anchors"
            )
        centroids = _cluster(flat, num_anchors, seed)
        anchors = torch.from_numpy(centroids).view(num_anchors, horizon, action_dim)
        if gripper_columns:
            members = windows[_nearest_member(flat, centroids)]
            anchors[..., gripper_columns] = members[..., gripper_columns]
        self.anchors.copy_(anchors)
        self.statistics.copy_(statistics.values)
        self._measure(windows)
        self.fitted.fill_(True)
        logger.info(self.report(len(windows)))

    def nearest(self, actions: Tensor, is_pad: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The positive anchor m* of each chunk: the nearest in L1 over the steps that are not padded (Eq. 8).

        Args:
            actions: shape (B, H, A), normalised.
            is_pad: shape (B, H), bool, or None.

        Returns:
            indices, shape (B,), and distances per action element, shape (B,).
        """
        gap = (actions.unsqueeze(1) - self.anchors).abs().mean(dim=-1)  # (B, K, H)
        if is_pad is None:
            distance = gap.mean(dim=-1)
        else:
            real = (~is_pad).unsqueeze(1).to(gap.dtype)
            distance = (gap * real).sum(dim=-1) / real.sum(dim=-1).clamp(min=1)
        nearest = distance.min(dim=1)
        return nearest.indices, nearest.values

    def check_statistics(self, statistics: ActionStatistics, action_names: list[str] | None) -> None:
        """Refuses action statistics other than those that the anchors were fitted under.

        Raises:
            ValueError: naming the first action column that differs.
        """
        mine, theirs = self.statistics.cpu(), statistics.values
        if mine.shape == theirs.shape and torch.allclose(mine, theirs, rtol=1e-4, atol=1e-6):
            return
        if mine.shape != theirs.shape:
            detail = f"{mine.shape[1]} action columns in the checkpoint, {theirs.shape[1]} in the dataset"
        else:
            column = int((mine - theirs).abs().amax(dim=0).argmax())
            name = action_names[column] if action_names else f"column {column}"
            names = "/".join(_STATISTICS_OF_MODE[statistics.mode])
            detail = (
                f"{name}: {names} is {_numbers(mine[:, column])} in the checkpoint, "
                f"{_numbers(theirs[:, column])} in the dataset"
            )
        raise ValueError(
            "the checkpoint's trajectory vocabulary was fitted under other action statistics than this "
            f"dataset's ({detail}). Train on the dataset that the checkpoint came from, or fit the "
            "vocabulary anew with --policy.refit_vocabulary=true and train stage=base again"
        )

    def report(self, num_windows: int | None = None) -> str:
        """One line on how well the anchors cover the demonstrations."""
        total = int(self.counts.sum()) if num_windows is None else num_windows
        quantiles = ", ".join(
            f"p{100 * quantile:.0f} {value:.3f}"
            for quantile, value in zip(COVERAGE_QUANTILES, self.coverage.tolist(), strict=True)
        )
        return (
            f"Trajectory vocabulary: {len(self.anchors)} anchors from {total} windows; windows an anchor "
            f"{int(self.counts.min())} to {int(self.counts.max())}; distance to the nearest anchor "
            f"(mean absolute, normalised units): {quantiles}"
        )

    def _measure(self, windows: Tensor) -> None:
        nearest = [self.nearest(part.to(self.anchors.device)) for part in windows.split(_DISTANCE_CHUNK)]
        indices = torch.cat([part[0] for part in nearest]).cpu()
        distances = torch.cat([part[1] for part in nearest]).cpu()
        counts = torch.bincount(indices, minlength=len(self.anchors))
        summed = torch.zeros(len(self.anchors)).index_add_(0, indices, distances)
        self.counts.copy_(counts)
        self.spread.copy_(summed / counts.clamp(min=1))
        self.coverage.copy_(torch.quantile(distances, torch.tensor(COVERAGE_QUANTILES)))


def check_lengths(episodes: list[np.ndarray], horizon: int) -> None:
    """Warns of episodes that are shorter than a chunk.

    Raises:
        ValueError: if all of them are.
    """
    short = sum(len(episode) < horizon for episode in episodes)
    if short == len(episodes):
        longest = max((len(episode) for episode in episodes), default=0)
        raise ValueError(
            f"chunk_size={horizon} is longer than every episode (the longest of {len(episodes)} has "
            f"{longest} frames); lower --policy.chunk_size"
        )
    if short:
        logger.warning(
            "%d of %d episodes are shorter than chunk_size=%d and add nothing to the trajectory vocabulary",
            short,
            len(episodes),
            horizon,
        )


def sliding_windows(episodes: list[np.ndarray], horizon: int) -> np.ndarray:
    """All complete windows of `horizon` steps that lie inside one episode: (N, H, A), float32."""
    views = [
        np.lib.stride_tricks.sliding_window_view(episode, horizon, axis=0)
        for episode in episodes
        if len(episode) >= horizon
    ]
    return np.concatenate([view.transpose(0, 2, 1) for view in views]).astype(np.float32)


def read_episode_actions(meta: "LeRobotDatasetMetadata") -> list[np.ndarray]:
    """The raw actions of every episode, read from the dataset's tables without decoding any image.

    Returns:
        One array an episode in order, shape (T_i, A), float32.

    Raises:
        ValueError: if the dataset has no actions, or one of them is NaN or infinite.
    """
    if ACTION not in meta.features:
        raise ValueError(
            f"the dataset {meta.repo_id!r} has no {ACTION!r} column; AnchorVLA learns from actions"
        )
    table = arrow.dataset(_local_tables(meta), format="parquet").to_table(
        columns=["index", "episode_index", ACTION]
    )
    order = np.argsort(table["index"].to_numpy(), kind="stable")
    episode = table["episode_index"].to_numpy()[order]
    actions = np.stack(table[ACTION].to_numpy()).astype(np.float32)[order]
    episodes = np.split(actions, np.flatnonzero(np.diff(episode)) + 1)
    for number, rows in enumerate(episodes):
        if not np.isfinite(rows).all():
            step, column = np.argwhere(~np.isfinite(rows))[0]
            raise ValueError(
                f"action of episode {number}, frame {step}, column {column} is {rows[step, column]}; "
                "remove the episode from the dataset or mend it"
            )
    return episodes


def _local_tables(meta: "LeRobotDatasetMetadata") -> list[str]:
    """The dataset's parquet files; fetched from the Hub where only the metadata is here (streaming)."""
    files = sorted(Path(meta.root).glob("data/**/*.parquet"))
    if not files:
        from huggingface_hub import snapshot_download

        folder = snapshot_download(
            meta.repo_id, repo_type="dataset", revision=meta.revision, allow_patterns="data/**"
        )
        files = sorted(Path(folder).glob("data/**/*.parquet"))
    return [str(file) for file in files]


def _cluster(flat: np.ndarray, num_clusters: int, seed: int) -> np.ndarray:
    from sklearn.cluster import KMeans, MiniBatchKMeans

    estimator = MiniBatchKMeans if len(flat) > _MINI_BATCH_ABOVE else KMeans
    fitted = estimator(num_clusters, n_init=_KMEANS_RESTARTS, random_state=seed).fit(flat)
    return fitted.cluster_centers_.astype(np.float32)


def _nearest_member(flat: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """For each centroid the index of the window nearest to it, shape (K,)."""
    from sklearn.metrics import pairwise_distances_argmin

    return pairwise_distances_argmin(centroids, flat)


def _numbers(values: Tensor) -> str:
    return "/".join(f"{value:.4g}" for value in values.tolist())
