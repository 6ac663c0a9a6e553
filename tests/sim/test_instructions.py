import numpy as np
import pytest

from lerobot_anchorvla.sim.instructions import WORDINGS, instruction
from lerobot_anchorvla.sim.tasks import TASKS


def test_the_usual_wording_is_that_of_the_task():
    assert set(WORDINGS) == set(TASKS)
    for task, words in TASKS.items():
        assert instruction(task, words.split()[-1]) == words


@pytest.mark.parametrize(("task", "named"), [("open_drawer", "upper drawer"), ("lift_bag", "red bag")])
def test_every_wording_is_drawn_and_names_the_target(task, named):
    rng = np.random.default_rng(0)
    drawn = {instruction(task, named, rng) for _ in range(200)}
    assert len(drawn) == len(WORDINGS[task]) >= 5
    assert all(named in words for words in drawn)
