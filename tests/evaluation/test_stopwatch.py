import pytest

from lerobot_anchorvla.evaluation import stopwatch
from lerobot_anchorvla.evaluation.stopwatch import Stopwatch


class Kitchen:
    """A cook whose clock stands still unless somebody works."""

    def __init__(self, monkeypatch) -> None:
        self.now = 0.0
        monkeypatch.setattr(stopwatch.time, "perf_counter", lambda: self.now)

    def chop(self) -> str:
        self.now += 2
        return "chopped"

    def cook(self) -> None:
        self.now += 3
        self.chop()
        self.chop()
        self.now += 1

    def burn(self) -> None:
        self.now += 5
        raise RuntimeError("smoke")


@pytest.fixture
def kitchen(monkeypatch) -> Kitchen:
    return Kitchen(monkeypatch)


def test_what_a_part_calls_is_not_its_own_time(kitchen):
    watch = Stopwatch()
    watch.attach("cooking", kitchen, "cook")
    watch.attach("chopping", kitchen, "chop")
    kitchen.cook()
    assert kitchen.chop() == "chopped"
    assert watch.seconds == {"cooking": 4, "chopping": 6}


def test_two_methods_may_be_one_part(kitchen):
    watch = Stopwatch()
    for method in ("cook", "chop"):
        watch.attach("kitchen", kitchen, method)
    kitchen.cook()
    assert watch.seconds == {"kitchen": 8}


def test_an_error_goes_on_and_is_timed_too(kitchen):
    watch = Stopwatch()
    watch.attach("burning", kitchen, "burn")
    with pytest.raises(RuntimeError, match="smoke"):
        kitchen.burn()
    assert watch.seconds == {"burning": 5}
