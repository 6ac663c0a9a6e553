import json
from dataclasses import replace

import pytest

from lerobot_anchorvla.evaluation.multimodality import (
    UNDECIDED,
    count_modes,
    demonstrated_modes,
    mode_of,
)
from lerobot_anchorvla.sim.experts import mode_names


@pytest.fixture(params=["open_drawer", "lift_bag"])
def task(request):
    return request.param


@pytest.fixture
def traces(request, task):
    return request.getfixturevalue({"open_drawer": "expert_traces", "lift_bag": "bag_traces"}[task])


def test_every_mode_of_the_expert_is_recognised(task, traces):
    found = {mode: mode_of(trace, task) for mode, trace in traces.items()}
    print(found)
    assert found == {mode: mode for mode in mode_names(task)}


def test_an_episode_without_progress_is_undecided(task, traces):
    trace = next(iter(traces.values()))
    idle = trace.targets.copy()
    idle[:, 8] = 0
    trace = replace(trace, targets=idle)
    assert mode_of(trace, task) == UNDECIDED
    assert [count.mode for count in count_modes([trace], task)] == [*mode_names(task), UNDECIDED]


def test_success_and_modes_are_counted_side_by_side(expert_traces):
    left = expert_traces["left-arm"]
    counts = count_modes(
        [left, left, replace(left, success=False), expert_traces["right-base"]], "open_drawer"
    )
    by_mode = {count.mode: (count.episodes, count.successes) for count in counts}
    assert by_mode["left-arm"] == (3, 2)
    assert by_mode["right-base"] == (1, 1)
    assert sum(episodes for episodes, _ in by_mode.values()) == 4
    assert UNDECIDED not in by_mode


def test_the_demonstrated_modes_are_read_from_the_dataset(tmp_path):
    (tmp_path / "meta").mkdir()
    lines = [json.dumps({"mode": mode}) + "\n" for mode in ("left-arm", "left-arm", "centre-base")]
    (tmp_path / "meta" / "anchorvla_episodes.jsonl").write_text("".join(lines))
    assert demonstrated_modes(tmp_path) == {"left-arm": 2, "centre-base": 1}


@pytest.mark.parametrize("mode", ["left-arm", "right-base"])
def test_a_trace_is_whole(expert_traces, mode):
    trace = expert_traces[mode]
    assert trace.success
    assert trace.states.shape == trace.targets.shape == trace.actions.shape
    assert trace.targets[-1, 8] > 0.12
