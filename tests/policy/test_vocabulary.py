"""The trajectory vocabulary: clustering, its pitfalls, and the checks at load."""

import logging

import numpy as np
import pytest
import torch
from lerobot.configs.types import NormalizationMode

from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.vocabulary import (
    TrajectoryVocabulary,
    check_lengths,
    read_episode_actions,
    sliding_windows,
)
from tests.policy.synthetic import make_dataset


def statistics_of(episodes: list[np.ndarray]) -> ActionStatistics:
    joined = np.concatenate(episodes)
    stats = {"action": {"min": joined.min(axis=0), "max": joined.max(axis=0)}}
    return ActionStatistics.from_dataset(stats, NormalizationMode.MIN_MAX)


def fit(episodes, num_anchors=4, horizon=3, gripper_columns=(), seed=0) -> TrajectoryVocabulary:
    vocabulary = TrajectoryVocabulary(num_anchors, horizon, episodes[0].shape[1])
    vocabulary.fit(episodes, statistics_of(episodes), list(gripper_columns), seed)
    return vocabulary


def walks(count: int = 6, length: int = 40, dims: int = 3, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(length, dims)).cumsum(axis=0).astype(np.float32) for _ in range(count)]


def test_windows_stay_inside_their_episode():
    episodes = [np.arange(5, dtype=np.float32)[:, None], 100 + np.arange(4, dtype=np.float32)[:, None]]
    windows = sliding_windows(episodes, 3)[..., 0]
    assert windows.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [100, 101, 102], [101, 102, 103]]


def test_short_episodes_are_left_out_with_a_warning(caplog):
    episodes = [np.zeros((2, 1), np.float32), np.arange(6, dtype=np.float32)[:, None]]
    with caplog.at_level(logging.WARNING):
        check_lengths(episodes, 4)
    assert len(sliding_windows(episodes, 4)) == 3
    assert "1 of 2 episodes are shorter than chunk_size=4" in caplog.text


def test_a_chunk_longer_than_every_episode_is_refused():
    with pytest.raises(ValueError, match=r"chunk_size=9 is longer than every episode .* has 5 frames"):
        check_lengths([np.zeros((5, 2), np.float32), np.zeros((3, 2), np.float32)], 9)


def test_nan_is_refused_with_its_place(tmp_path):
    dataset = make_dataset(tmp_path / "data", nan_at=(1, 7))
    with pytest.raises(ValueError, match="action of episode 1, frame 7, column 0 is nan"):
        read_episode_actions(dataset.meta)


def test_fewer_windows_than_anchors_are_refused():
    with pytest.raises(ValueError, match=r"2 distinct action windows .* fewer than num_anchors=4"):
        fit([np.array([[0.0], [1], [2], [3]], np.float32)])


def test_repeated_windows_count_once():
    still = [np.zeros((50, 2), np.float32), *walks(1, 6, 2)]
    with pytest.raises(ValueError, match="5 distinct action windows"):
        fit(still, num_anchors=6)


def test_anchors_are_the_clusters_of_separated_data():
    rng = np.random.default_rng(0)
    centres = np.array([[-1.0, 1], [1, -1], [1, 1]], np.float32)
    episodes = [
        np.repeat(centres[i % 3][None], 3, axis=0) + 0.01 * rng.normal(size=(3, 2)) for i in range(60)
    ]
    vocabulary = fit([episode.astype(np.float32) for episode in episodes], num_anchors=3)
    found = vocabulary.anchors.mean(dim=1)
    gaps = torch.cdist(torch.from_numpy(centres), found)
    assert gaps.min(dim=1).values.max() < 0.05
    assert vocabulary.counts.tolist() == [20, 20, 20]
    assert vocabulary.coverage[2] < 0.05


def test_the_same_seed_gives_the_same_anchors():
    torch.testing.assert_close(fit(walks()).anchors, fit(walks()).anchors, rtol=0, atol=0)


def test_every_anchor_has_windows_and_the_measures_add_up():
    vocabulary = fit(walks(), num_anchors=8)
    assert int(vocabulary.counts.sum()) == 6 * 38
    assert (vocabulary.counts > 0).all()
    windows = statistics_of(walks()).normalise(torch.from_numpy(sliding_windows(walks(), 3)))
    distance = (windows[:, None] - vocabulary.anchors).abs().mean(dim=(2, 3)).min(dim=1).values
    mean = (vocabulary.counts * vocabulary.spread).sum() / vocabulary.counts.sum()
    assert mean.item() == pytest.approx(distance.mean().item(), rel=1e-4)
    expected = torch.quantile(distance, torch.tensor([0.5, 0.9, 0.99]))
    torch.testing.assert_close(vocabulary.coverage, expected)


def test_a_constant_action_stays_finite_and_constant():
    episodes = [np.hstack([walk, np.full((len(walk), 1), 0.25, np.float32)]) for walk in walks()]
    vocabulary = fit(episodes)
    assert torch.isfinite(vocabulary.anchors).all()
    assert (vocabulary.anchors[..., 3] == vocabulary.anchors[0, 0, 3]).all()


def test_the_gripper_is_never_averaged():
    rng = np.random.default_rng(0)
    episodes = []
    for index in range(40):
        gripper = np.full((4, 1), 1.0 if index % 2 else -1.0)
        episodes.append(np.hstack([0.01 * rng.normal(size=(4, 1)), gripper]).astype(np.float32))
    kept = fit(episodes, num_anchors=2, horizon=4, gripper_columns=[1])
    assert set(kept.anchors[..., 1].flatten().tolist()) == {-1.0, 1.0}
    # one cluster over both gripper modes would otherwise hold a half-open gripper
    mixed = [np.hstack([episode[:, :1] * 0, episode[:, 1:]]) for episode in episodes]
    mixed += [np.full((4, 2), 30.0, np.float32) + i for i in range(2)]
    raw = fit(mixed, num_anchors=2, horizon=4).anchors[..., 1]
    clean = fit(mixed, num_anchors=2, horizon=4, gripper_columns=[1]).anchors[..., 1]
    windows = statistics_of(mixed).normalise(torch.from_numpy(sliding_windows(mixed, 4)))[..., 1]
    assert not torch.isin(raw, windows).all()
    assert torch.isin(clean, windows).all()


def test_nearest_ignores_padded_steps():
    vocabulary = TrajectoryVocabulary(2, 3, 1)
    vocabulary.anchors.copy_(torch.tensor([[[0.0], [0], [0]], [[1.0], [1], [1]]]))
    chunk = torch.tensor([[[0.1], [9.0], [9.0]]])
    assert vocabulary.nearest(chunk)[0].item() == 1
    index, distance = vocabulary.nearest(chunk, torch.tensor([[False, True, True]]))
    assert index.item() == 0
    assert distance.item() == pytest.approx(0.1)


def test_changed_statistics_are_refused_by_name():
    episodes = walks()
    vocabulary = fit(episodes)
    vocabulary.check_statistics(statistics_of(episodes), ["a", "b", "c"])
    other = [episode * np.array([1, 2, 1], np.float32) for episode in episodes]
    with pytest.raises(ValueError, match=r"b: min/max is .*refit_vocabulary=true"):
        vocabulary.check_statistics(statistics_of(other), ["a", "b", "c"])
    with pytest.raises(ValueError, match="3 action columns in the checkpoint, 2 in the dataset"):
        vocabulary.check_statistics(statistics_of([episode[:, :2] for episode in episodes]), None)


@pytest.mark.parametrize("mode", [NormalizationMode.MEAN_STD, NormalizationMode.QUANTILES])
def test_other_normalisations(mode):
    joined = np.concatenate(walks())
    stats = {
        "mean": joined.mean(0),
        "std": joined.std(0),
        "q01": np.quantile(joined, 0.01, axis=0),
        "q99": np.quantile(joined, 0.99, axis=0),
    }
    statistics = ActionStatistics.from_dataset({"action": stats}, mode)
    vocabulary = TrajectoryVocabulary(4, 3, 3)
    vocabulary.fit(walks(), statistics, [], 0)
    low, high = statistics.values
    value = torch.from_numpy(joined[5])
    expected = (
        (value - low) / high if mode is NormalizationMode.MEAN_STD else 2 * (value - low) / (high - low) - 1
    )
    torch.testing.assert_close(statistics.normalise(value[None])[0], expected, rtol=1e-4, atol=1e-4)


def test_missing_statistics_are_named():
    with pytest.raises(ValueError, match="no statistics of 'action'"):
        ActionStatistics.from_dataset({}, NormalizationMode.MIN_MAX)
    with pytest.raises(ValueError, match=r"\['q01', 'q99'\] are missing"):
        ActionStatistics.from_dataset({"action": {"min": [0], "max": [1]}}, NormalizationMode.QUANTILES)


def test_actions_are_read_episode_by_episode(tmp_path):
    dataset = make_dataset(tmp_path / "data", lengths=(20, 16, 24))
    episodes = read_episode_actions(dataset.meta)
    assert [len(episode) for episode in episodes] == [20, 16, 24]
    np.testing.assert_array_equal(episodes[1][3], dataset[20 + 3]["action"].numpy())


def test_an_anchor_without_windows_moves_to_the_worst_covered_window():
    vocabulary = fit(walks())
    windows = statistics_of(walks()).normalise(torch.from_numpy(sliding_windows(walks(), 3)))
    vocabulary.anchors[1] = vocabulary.anchors[0]
    vocabulary.anchors[2] = 50.0
    vocabulary._measure(windows)
    before = vocabulary.coverage[2].item()
    assert (vocabulary.counts == 0).sum() == 2
    vocabulary._reseed_empty(windows)
    assert (vocabulary.counts > 0).all()
    assert vocabulary.coverage[2].item() < before
