import json
from dataclasses import replace

import pytest

from lerobot_anchorvla.evaluation.multimodality import (
    UNDECIDED,
    count_modes,
    demonstrated_modes,
    open_drawer_mode,
)
from lerobot_anchorvla.sim.experts import mode_names


def test_every_mode_of_the_expert_is_recognised(expert_traces):
    found = {mode: open_drawer_mode(trace) for mode, trace in expert_traces.items()}
    print(found)
    assert found == {mode: mode for mode in mode_names("open_drawer")}


def test_an_episode_that_never_moved_the_drawer_is_undecided(expert_traces):
    trace = next(iter(expert_traces.values()))
    closed = trace.targets.copy()
    closed[:, 8] = 0
    assert open_drawer_mode(replace(trace, targets=closed)) == UNDECIDED


def test_success_and_modes_are_counted_side_by_side(expert_traces):
    left = expert_traces["left-arm"]
    counts = count_modes([left, left, replace(left, success=False), expert_traces["right-base"]])
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
