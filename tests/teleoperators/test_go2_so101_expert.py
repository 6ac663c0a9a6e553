"""The scripted expert behind LeRobot's teleoperator interface, alone and under LeRobot's recorder."""

import logging
from dataclasses import dataclass

import draccus
import numpy as np
import pytest
from lerobot.configs.dataset import DatasetRecordConfig
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from lerobot.scripts import lerobot_record
from lerobot.teleoperators.config import TeleoperatorConfig
from lerobot.teleoperators.utils import make_teleoperator_from_config

from lerobot_anchorvla.robots.go2_so101_sim import Go2SO101Sim, Go2SO101SimConfig
from lerobot_anchorvla.sim.bases.planar import PlanarBase
from lerobot_anchorvla.sim.experts import make_expert
from lerobot_anchorvla.sim.live import live_session
from lerobot_anchorvla.sim.signals import ACTION_NAMES
from lerobot_anchorvla.teleoperators.go2_so101_expert import Go2SO101Expert, Go2SO101ExpertConfig
from lerobot_anchorvla.teleoperators.go2_so101_expert.go2_so101_expert import MOST_FAILURES


def robot_config(tmp_path, base: str = "planar", **options) -> Go2SO101SimConfig:
    size = {"image_height": 8, "image_width": 8}
    return Go2SO101SimConfig(calibration_dir=tmp_path, base=base, **size, **options)


@dataclass
class Command:
    teleop: TeleoperatorConfig


@pytest.fixture
def robot(tmp_path):
    robot = Go2SO101Sim(robot_config(tmp_path))
    robot.connect()
    yield robot
    robot.disconnect()


@pytest.fixture
def make_expert_teleop(tmp_path):
    made = []

    def make(**options) -> Go2SO101Expert:
        made.append(Go2SO101Expert(Go2SO101ExpertConfig(calibration_dir=tmp_path, **options)))
        made[-1].connect()
        return made[-1]

    yield make
    for teleop in made:
        if teleop.is_connected:
            teleop.disconnect()


def test_lerobot_makes_it_from_the_command_line(tmp_path):
    arguments = ["type=go2_so101_expert", "mode=left-arm", f"calibration_dir={tmp_path}"]
    config = draccus.parse(Command, args=[f"--teleop.{argument}" for argument in arguments]).teleop
    teleop = make_teleoperator_from_config(config)
    assert isinstance(teleop, Go2SO101Expert)
    assert teleop.action_features == dict.fromkeys(ACTION_NAMES, float)
    with pytest.raises(ValueError, match=r"teleop\.seed must be at least 0, got -1"):
        Go2SO101ExpertConfig(seed=-1)


def test_it_does_what_the_expert_does_in_the_mode_asked_for(robot, make_expert_teleop):
    teleop = make_expert_teleop(mode="left-arm")
    robot.send_action({"x.vel": 0.3})
    world = live_session().world
    wanted = make_expert("open_drawer", "left-arm").act(
        world.state().astype(np.float32), world.target().astype(np.float32)
    )
    np.testing.assert_array_equal(list(teleop.get_action().values()), wanted.astype(np.float32))


def test_modes_are_drawn_from_the_two_seeds(robot, make_expert_teleop, caplog):
    caplog.set_level(logging.INFO)

    def modes(teleop_seed: int, episodes: int) -> list[str]:
        teleop = make_expert_teleop(seed=teleop_seed)
        caplog.clear()
        for _ in range(episodes):
            teleop.get_action()
            live_session().reset()
        teleop.disconnect()
        told = [record.getMessage() for record in caplog.records if "mode" in record.getMessage()]
        return [message.rsplit(" ", 1)[1] for message in told]

    first = modes(0, 8)
    assert len(first) == 8
    assert len(set(first)) > 2
    robot.disconnect()
    robot.connect()
    assert modes(0, 8) == first
    robot.disconnect()
    robot.connect()
    assert modes(1, 8) != first


def test_an_attempt_that_is_over_makes_way_for_the_next(robot, make_expert_teleop, monkeypatch):
    teleop = make_expert_teleop()
    session = live_session()
    robot.send_action(teleop.get_action())
    session.succeeded = True
    teleop.get_action()
    assert (session.seed, session.ticks) == (1, 0)
    robot.send_action({})
    monkeypatch.setattr(session.world.base, "fallen", lambda data: data.time > 0.05)
    teleop.get_action()
    assert (session.seed, session.ticks) == (2, 0)
    assert (teleop.successes, teleop.failures) == (1, 1)


def test_an_unknown_mode_is_refused_at_once():
    with pytest.raises(ValueError, match=r"teleop\.mode must be one of .*left-arm.*got 'upside-down'"):
        Go2SO101ExpertConfig(mode="upside-down")


def test_a_mode_of_another_task_and_a_missing_robot_are_told(make_expert_teleop, tmp_path):
    teleop = make_expert_teleop(mode="right")
    with pytest.raises(RuntimeError, match=r"robot\.type=go2_so101_sim"):
        teleop.get_action()
    robot = Go2SO101Sim(robot_config(tmp_path))
    robot.connect()
    with pytest.raises(ValueError, match=r"mode must be one of .*left-arm.*got 'right'"):
        teleop.get_action()
    robot.disconnect()


def test_the_worlds_own_words_are_stored_instead_of_the_users(make_expert_teleop, tmp_path, monkeypatch):
    stored = []

    def loop(robot, events, fps, **kwargs):
        stored.append((kwargs["single_task"], live_session().world.task.instruction))
        robot.send_action({})  # the next episode is another one
        live_session().succeeded = True

    monkeypatch.setattr(lerobot_record, "record_loop", loop)
    teleop = make_expert_teleop()
    robot = Go2SO101Sim(robot_config(tmp_path, random_wording=True))
    robot.connect()
    for _ in range(8):
        lerobot_record.record_loop(robot, {}, 15, dataset="a dataset", single_task="mine")
    robot.disconnect()
    teleop.disconnect()
    assert len({words for _, words in stored}) > 2
    for task, words in stored:
        assert task == ("mine" if words == "open the drawer" else words)


# Under LeRobot's own recorder, which here does not wait for the clock.


@pytest.fixture
def record(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(lerobot_record, "precise_sleep", lambda seconds: None)
    monkeypatch.setattr(lerobot_record, "init_logging", lambda: None)  # it would take caplog's handler away
    original = lerobot_record.record_loop

    def record(base: str = "planar", fps: int = 15, task: str = "open it", **times: float) -> LeRobotDataset:
        config = lerobot_record.RecordConfig(
            robot=robot_config(tmp_path, base=base),
            teleop=Go2SO101ExpertConfig(calibration_dir=tmp_path),
            dataset=DatasetRecordConfig(
                repo_id="test/record",
                root=tmp_path / "dataset",
                single_task=task,
                fps=fps,
                num_episodes=2,
                video=False,
                push_to_hub=False,
                **{"episode_time_s": 300, **times},
            ),
            play_sounds=False,
        )
        try:
            return lerobot_record.record(config)
        finally:
            assert lerobot_record.record_loop is original

    return record


def replay(dataset: LeRobotDataset, episode: int, config: Go2SO101SimConfig) -> tuple[np.ndarray, bool]:
    """States (T, 9) that the robot reports while it replays, and whether the task was done."""
    rows = dataset.hf_dataset.with_format("numpy").filter(lambda row: row["episode_index"] == episode)
    robot = Go2SO101Sim(config)
    robot.connect()
    states = []
    for action in rows["action"]:
        observation = robot.get_observation()
        states.append([observation[name] for name in ACTION_NAMES])
        robot.send_action(dict(zip(ACTION_NAMES, action, strict=True)))
    done = live_session().succeeded
    robot.disconnect()
    np.testing.assert_array_equal(rows["frame_index"], np.arange(len(states)))
    return np.array(states, np.float32), done


@pytest.mark.slow
@pytest.mark.parametrize(
    ("base", "reset_time_s", "task", "stored_task"),
    [("planar", 0, "", "open the drawer"), ("legged", 60, "open it", "open it")],
)
def test_an_episode_is_one_attempt_and_replays_exactly(
    record, tmp_path, caplog, base, reset_time_s, task, stored_task
):
    dataset = record(base=base, task=task, reset_time_s=reset_time_s)
    assert dataset.num_episodes == 2
    assert list(dataset.meta.tasks.index) == [stored_task]
    assert "Expert: 2 attempts succeeded, 0 failed." in caplog.text
    stored = dataset.hf_dataset.with_format("numpy")
    for episode in (0, 1):
        states, done = replay(dataset, episode, robot_config(tmp_path, base=base, seed=episode))
        assert done
        recorded = stored.filter(lambda row, episode=episode: row["episode_index"] == episode)
        np.testing.assert_array_equal(states, np.stack(recorded["observation.state"]))
    _, done = replay(dataset, 0, robot_config(tmp_path, base=base, seed=1))
    assert not done  # from another start the same actions miss the handle


@pytest.mark.slow
def test_a_failed_attempt_is_recorded_again(record, monkeypatch, caplog):
    monkeypatch.setattr(PlanarBase, "fallen", lambda base, data: live_session().seed == 0 and data.time > 1)
    dataset = record(reset_time_s=60)
    assert dataset.num_episodes == 2
    assert np.bincount(dataset.hf_dataset["episode_index"]).min() > 40  # none of the first attempt's
    assert "Seed 0: the robot fell" in caplog.text
    assert "Seed 0: attempt failed, 1 of them so far." in caplog.text
    assert "Expert: 2 attempts succeeded, 1 failed." in caplog.text
    assert "Seed 2: done" in caplog.text


@pytest.mark.slow
def test_episodes_that_are_too_short_end_with_an_error_that_says_so(record, caplog):
    with pytest.raises(RuntimeError, match=f"failed {MOST_FAILURES} times in a row"):
        record(episode_time_s=0.2)
    assert "longer --dataset.episode_time_s" in caplog.text


@pytest.mark.slow
def test_the_rate_must_be_that_of_the_robot(record):
    with pytest.raises(ValueError, match=r"dataset\.fps must be 15.*got 30"):
        record(fps=30)
