"""The trajectory vocabulary: K anchor chunks, clustered from the training demonstrations (paper, Eq. 8).

Anchors live in normalised action space, as the denoiser sees them, and are kept together with the action
statistics that they were normalised by, so that a checkpoint whose statistics no longer fit is noticed.
"""

import logging
from typing import TYPE_CHECKING

import numpy as np
import torch
from lerobot.utils.constants import ACTION
from torch import Tensor, nn

from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.dataset_tables import read_table

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

logger = logging.getLogger(__name__)

COVERAGE_QUANTILES = (0.5, 0.9, 0.99)
_MINI_BATCH_ABOVE = 200_000
_KMEANS_RESTARTS = 10
_DISTANCE_CHUNK = 4096


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
        self._reseed_empty(windows)
        self.fitted.fill_(True)
        logger.info(self.report())

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
            name = action_names[column] if action_names else f"action column {column}"
            names = "/".join(statistics.names)
            detail = (
                f"{name}: {names} is {_numbers(mine[:, column])} in the checkpoint, "
                f"{_numbers(theirs[:, column])} in the dataset"
            )
        raise ValueError(
            "the checkpoint's trajectory vocabulary was fitted under other action statistics than this "
            f"dataset's ({detail}). Train on the dataset that the checkpoint came from, or fit the "
            "vocabulary anew with --policy.refit_vocabulary=true and train stage=base again"
        )

    def report(self) -> str:
        """One line on how well the anchors cover the demonstrations."""
        quantiles = ", ".join(
            f"p{100 * quantile:.0f} {value:.3f}"
            for quantile, value in zip(COVERAGE_QUANTILES, self.coverage.tolist(), strict=True)
        )
        return (
            f"Trajectory vocabulary: {len(self.anchors)} anchors from {int(self.counts.sum())} windows; "
            f"windows an anchor {int(self.counts.min())} to {int(self.counts.max())}; distance to the "
            f"nearest anchor (mean absolute, normalised units): {quantiles}"
        )

    def _reseed_empty(self, windows: Tensor) -> None:
        """Moves every anchor that is no window's nearest to the window that is covered worst.

        k-means leaves none empty, but it measures in L2 and knows nothing of the grippers' own rule.
        """
        for _ in range(len(self.anchors)):
            empty = torch.nonzero(self.counts == 0).flatten()
            if not len(empty):
                return
            _, distances = self._nearest_of_all(windows)
            self.anchors[empty[0]] = windows[distances.argmax()].to(self.anchors.device)
            self._measure(windows)
        logger.warning(
            "%d anchors of the trajectory vocabulary are no window's nearest", int((self.counts == 0).sum())
        )

    def _nearest_of_all(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        nearest = [self.nearest(part.to(self.anchors.device)) for part in windows.split(_DISTANCE_CHUNK)]
        return torch.cat([part[0] for part in nearest]).cpu(), torch.cat([part[1] for part in nearest]).cpu()

    def _measure(self, windows: Tensor) -> None:
        indices, distances = self._nearest_of_all(windows)
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
    """The raw actions of every episode.

    Returns:
        One array an episode in order, shape (T_i, A), float32.

    Raises:
        ValueError: if the dataset has no actions, or one of them is NaN or infinite.
    """
    table = read_table(meta, (ACTION,))
    starts = np.flatnonzero(np.diff(table.episode)) + 1
    episodes = np.split(table.columns[ACTION], starts)
    for first, rows in zip([0, *starts], episodes, strict=True):
        if not np.isfinite(rows).all():
            step, column = np.argwhere(~np.isfinite(rows))[0]
            raise ValueError(
                f"action of episode {table.episode[first]}, frame {step}, column {column} is "
                f"{rows[step, column]}; remove the episode from the dataset or mend it"
            )
    return episodes


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
