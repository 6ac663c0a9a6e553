import pytest

from lerobot_anchorvla.evaluation.intervals import Rate


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [  # scipy.stats.binomtest(k, n).proportion_ci(method="wilson")
        (0, 50, 0.0, 0.071348),
        (45, 50, 0.786398, 0.956524),
        (50, 50, 0.928652, 1.0),
        (27, 30, 0.743790, 0.965400),
    ],
)
def test_the_interval_agrees_with_published_values(successes, trials, low, high):
    assert Rate(successes, trials).interval == pytest.approx((low, high), abs=1e-5)


def test_the_interval_holds_the_rate_and_narrows_with_trials():
    few, many = Rate(9, 10), Rate(900, 1000)
    for rate in (few, many):
        low, high = rate.interval
        assert low < rate.value < high
    assert few.interval[1] - few.interval[0] > many.interval[1] - many.interval[0]


def test_failures_mirror_successes():
    low, high = Rate(7, 20).interval
    assert Rate(13, 20).interval == pytest.approx((1 - high, 1 - low))


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(ValueError, match=f"got {successes} of {trials}"):
        Rate(successes, trials)


def test_the_text_says_counts_and_interval():
    assert str(Rate(45, 50)) == "90 % (45 of 50, 95 % interval 79 to 96 %)"
