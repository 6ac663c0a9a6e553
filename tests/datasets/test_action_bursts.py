import numpy as np

from lerobot_anchorvla.datasets.action_bursts import BURST_TICKS, ActionBursts

ACTION = np.array([10.0, -20, 30, 5, 0, 45, 0.2, 0.0, 0.1])


def executed(seed: int, ticks: int = 4000) -> np.ndarray:
    bursts = ActionBursts(np.random.default_rng(seed))
    return np.stack([bursts.apply(ACTION) for _ in range(ticks)])


def burst_lengths(wrong: np.ndarray) -> list[int]:
    """Lengths of the runs of wrong ticks, (T,) bool."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], wrong.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def test_the_same_seed_gives_the_same_bursts():
    np.testing.assert_array_equal(executed(3), executed(3))
    assert (executed(3) != executed(4)).any()


def test_most_ticks_are_left_alone_and_bursts_are_short():
    actions = executed(0)
    wrong = (actions != ACTION).any(axis=1)
    assert 0.08 < wrong.mean() < 0.25
    lengths = burst_lengths(wrong)[:-1]  # the last one may be cut off
    assert min(lengths) >= BURST_TICKS[0]
    assert np.median(lengths) < BURST_TICKS[1]


def test_about_half_of_the_bursts_close_the_gripper_and_the_others_leave_it():
    actions = executed(1)
    gripper = actions[(actions != ACTION).any(axis=1), 5]
    assert set(gripper) == {0.0, ACTION[5]}
    assert 0.35 < (gripper == 0).mean() < 0.65


def test_the_expert_action_is_not_changed_in_place():
    action = ACTION.copy()
    bursts = ActionBursts(np.random.default_rng(0))
    for _ in range(200):
        bursts.apply(action)
    np.testing.assert_array_equal(action, ACTION)
