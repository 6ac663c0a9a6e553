"""A teleoperator's hold on LeRobot's recording episodes."""

import inspect
import sys
from types import ModuleType, SimpleNamespace

import pytest
from lerobot.scripts import lerobot_record

from lerobot_anchorvla.teleoperators.episode_events import EpisodeEvents, Phase

EVENTS = {"exit_early": False, "rerecord_episode": False, "stop_recording": False}


class Loop:
    """Stands in for LeRobot's recording loop, and notes what it is given."""

    def __init__(self, monkeypatch, during=lambda: None) -> None:
        self.calls = []
        self.during = during
        monkeypatch.setattr(lerobot_record, "record_loop", self)

    def __call__(self, robot, events, fps, *args, **kwargs):
        self.calls.append({"events": events, "fps": fps, **kwargs})
        self.during()


@pytest.fixture
def attached():
    made = []

    def attach(**hooks) -> EpisodeEvents:
        made.append(EpisodeEvents(**hooks))
        made[-1].attach()
        return made[-1]

    yield attach
    for events in made:
        events.detach()


def record(events, dataset="a dataset", task="open it", fps=15):
    """Calls the loop as LeRobot does."""
    lerobot_record.record_loop(
        robot=None, events=events, fps=fps, teleop=None, dataset=dataset, control_time_s=1, single_task=task
    )


def test_lerobots_loop_takes_what_the_wrapper_passes_on():
    """The wrapper names three arguments by their places and two by their names."""
    parameters = inspect.signature(inspect.unwrap(_undecorated())).parameters
    assert list(parameters)[:3] == ["robot", "events", "fps"]
    assert {"dataset", "single_task"} <= set(parameters)


def _undecorated():
    """LeRobot's decorator hides the function in its closure."""
    (cell,) = lerobot_record.record_loop.__closure__
    return cell.cell_contents


def test_episodes_and_resets_are_told_apart(monkeypatch, attached):
    loop = Loop(monkeypatch)
    started, ended = [], []
    events = attached(on_start=started.append, on_end=ended.append)
    loop.during = lambda: started.append(events.phase)
    record(dict(EVENTS))
    record(dict(EVENTS), dataset=None, task=None)
    assert [phase.recorded for phase in started] == [True, True, False, False]
    assert (started[0].fps, started[0].task, started[2].task) == (15, "open it", "")
    assert started[0] is started[1] is ended[0]
    assert events.phase is None


def test_the_teleoperator_sets_the_keyboards_events(monkeypatch, attached):
    shared = dict(EVENTS)
    seen = []

    def during():
        for act in (Phase.end, Phase.rerecord, Phase.stop):
            shared.update(EVENTS)
            act(events.phase)
            seen.append({key for key, value in shared.items() if value})

    loop = Loop(monkeypatch, during)
    events = attached()
    record(shared)
    assert loop.calls[0]["events"] is shared
    assert seen == [
        {"exit_early"},
        {"exit_early", "rerecord_episode"},
        {"exit_early", "stop_recording"},
    ]


def test_an_end_that_comes_too_late_does_not_end_the_next_phase(monkeypatch, attached):
    Loop(monkeypatch)
    events = attached(on_end=lambda phase: phase.rerecord())
    shared = dict(EVENTS)
    record(shared)
    assert not shared["exit_early"]
    assert shared["rerecord_episode"]
    assert events.phase is None


def test_a_phase_can_be_left_out_and_the_words_changed(monkeypatch, attached):
    loop = Loop(monkeypatch)

    def on_start(phase):
        phase.skip = not phase.recorded
        phase.task = "pull the upper handle"

    attached(on_start=on_start)
    record(dict(EVENTS))
    record(dict(EVENTS), dataset=None)
    (call,) = loop.calls
    assert call["single_task"] == "pull the upper handle"
    assert (call["dataset"], call["control_time_s"]) == ("a dataset", 1)


def test_an_error_ends_the_phase_and_is_not_taken_for_its_end(monkeypatch, attached):
    def fail():
        raise KeyboardInterrupt

    ended = []
    Loop(monkeypatch, fail)
    events = attached(on_end=ended.append)
    with pytest.raises(KeyboardInterrupt):
        record(dict(EVENTS))
    assert events.phase is None
    assert not ended


def test_detaching_leaves_lerobot_as_it_was(monkeypatch):
    original = lerobot_record.record_loop
    events = EpisodeEvents()
    events.attach()
    assert lerobot_record.record_loop is not original
    events.detach()
    assert lerobot_record.record_loop is original
    events.detach()


def test_one_teleoperator_follows_at_a_time(attached):
    attached()
    with pytest.raises(RuntimeError, match="another teleoperator"):
        attached()


def test_in_other_commands_there_is_nothing_to_follow(monkeypatch):
    monkeypatch.delitem(sys.modules, "lerobot.scripts.lerobot_record")
    events = EpisodeEvents()
    events.attach()
    assert events.phase is None
    events.detach()
    assert "lerobot.scripts.lerobot_record" not in sys.modules


def test_the_recorder_is_found_when_it_is_run_as_a_module(monkeypatch):
    main = ModuleType("__main__")
    main.__spec__ = SimpleNamespace(name="lerobot.scripts.lerobot_record")
    main.record_loop = original = lambda robot, events, fps, **kwargs: None
    monkeypatch.setitem(sys.modules, "__main__", main)
    events = EpisodeEvents()
    events.attach()
    assert main.record_loop is not original
    events.detach()
    assert main.record_loop is original
