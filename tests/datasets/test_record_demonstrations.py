import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.seeding import np_random

from lerobot_anchorvla.datasets.action_bursts import ActionBursts
from lerobot_anchorvla.datasets.attempts import make_environment
from lerobot_anchorvla.datasets.frames import dataset_features
from lerobot_anchorvla.datasets.names import ATTEMPTS_FILE, EPISODES_FILE, SETTINGS_FILE
from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig, record_demonstrations
from lerobot_anchorvla.datasets.simulate_episode import Attempt, plan_episode, simulate_episode
from lerobot_anchorvla.datasets.staging import Staging
from lerobot_anchorvla.sim.experts import mode_names
from lerobot_anchorvla.sim.signals import ACTION_NAMES, CAMERAS, STATE_NAMES, TARGET_NAMES

SMALL = {"base": "planar", "episodes": 4, "image_height": 24, "image_width": 32}


def test_plans_depend_on_seed_and_number_and_cover_every_mode():
    plans = [plan_episode("open_drawer", 0, i) for i in range(120)]
    assert plans == [plan_episode("open_drawer", 0, i) for i in range(120)]
    assert plans != [plan_episode("open_drawer", 1, i) for i in range(120)]
    assert len({plan.seed for plan in plans}) == 120
    counts = Counter(plan.mode for plan in plans)
    assert set(counts) == set(mode_names("open_drawer")) and min(counts.values()) >= 10


@pytest.fixture(scope="module")
def env():
    env = make_environment(DemosConfig(base="planar", image_height=24, image_width=32))
    yield env
    env.close()


def test_an_episode_pairs_each_observation_with_its_action(env):
    attempt = simulate_episode(env, plan_episode("open_drawer", 0, 0))
    assert attempt.success and not attempt.fallen and attempt.instruction == env.task_description
    episode = attempt.frames
    length = len(episode["action"])
    assert episode["front"].shape == episode["wrist"].shape == (length, 24, 32, 3)
    assert episode["state"].shape == episode["target"].shape == episode["action"].shape == (length, 9)
    reached, ordered = episode["state"][1:, :5], episode["action"][:-1, :5]
    assert np.abs(reached - ordered).mean() < np.abs(episode["state"][:-1, :5] - ordered).mean()
    assert episode["target"][-1, TARGET_NAMES.index("target.progress")] > 0.12


def test_bursts_do_not_share_the_numbers_that_draw_the_world(env, monkeypatch):
    """A burst on the first tick would otherwise tell where the robot starts."""
    states = []

    class Noted(ActionBursts):
        def __init__(self, rng):
            states.append(rng.bit_generator.state)
            super().__init__(rng)

    monkeypatch.setattr("lerobot_anchorvla.datasets.simulate_episode.ActionBursts", Noted)
    plan = plan_episode(env.task, seed=0, attempt=0)
    simulate_episode(env, plan)
    assert states[0] != np_random(plan.seed)[0].bit_generator.state


def test_a_fall_is_an_attempt_without_frames(env, monkeypatch):
    monkeypatch.setattr(env.world.base, "fallen", lambda data: data.time > 0.3)
    attempt = simulate_episode(env, plan_episode("open_drawer", 0, 0))
    assert attempt.fallen and not attempt.success and attempt.frames == {}


def test_the_environment_of_a_recording_has_its_options():
    config = DemosConfig(base="planar", episode_length=7, image_height=24, disturbances={"scale": 0.5})
    env = make_environment(config)
    assert env.world.options.base == "planar" and env.world.options.disturbances.scale == 0.5
    assert env._max_episode_steps == 7
    assert env.observation_space["pixels"]["wrist"].shape == (24, config.image_width, 3)


def test_features_carry_the_names():
    features = dataset_features(DemosConfig(image_height=24, image_width=32))
    assert features["observation.state"]["names"] == STATE_NAMES
    assert features["observation.environment_state"]["names"] == TARGET_NAMES
    assert features["action"]["names"] == ACTION_NAMES
    assert features["observation.images.front"]["shape"] == (24, 32, 3)
    assert features["observation.images.wrist"]["dtype"] == "image"
    assert dataset_features(DemosConfig(video=True))["observation.images.wrist"]["dtype"] == "video"


def test_a_dataset_is_named_after_its_task():
    assert DemosConfig().dataset_name == "local/go2_so101_open_drawer"
    assert DemosConfig(task="lift_bag").dataset_name == "local/go2_so101_lift_bag"
    assert DemosConfig(task="lift_bag", repo_id="me/bags").dataset_name == "me/bags"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task", "juggle"),
        ("base", "wheels"),
        ("level", "easy"),
        ("episodes", 0),
        ("episode_length", 0),
        ("workers", -1),
    ],
)
def test_a_wrong_setting_is_named(name, value):
    with pytest.raises(ValueError, match=rf"{name} .*{value}"):
        DemosConfig(**{name: value})


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"root=.*another root"):
            record_demonstrations(DemosConfig(root=tmp_path, overwrite=overwrite, **SMALL))
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_file_as_root_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        record_demonstrations(DemosConfig(root=tmp_path / "file", **SMALL))


def test_a_root_under_a_file_is_explained(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match=r"cannot be written.*another root"):
        record_demonstrations(DemosConfig(root=tmp_path / "file" / "demos", **SMALL))


def test_finished_attempts_are_taken_as_they_are_and_not_simulated_again(tmp_path):
    """The attempts hold what no simulation gives, so every frame tells where it comes from."""
    config = DemosConfig(root=tmp_path / "demos", **SMALL)
    staging = Staging(config.root)
    staging.open(config.settings)
    ticks = 3

    def planted(number):
        frames = {key: np.full((ticks, 9), number, np.float32) for key in ("state", "target", "action")}
        frames |= {camera: np.zeros((ticks, 24, 32, 3), np.uint8) for camera in CAMERAS}
        return Attempt(f"drawer {number}, please", fallen=False, frames=frames)

    fall = Attempt("open the drawer", fallen=True, frames={})
    for number, attempt in enumerate([planted(0), fall, planted(1), planted(2), planted(3)]):
        staging.write(number, attempt)

    report = record_demonstrations(config)
    assert (report.episodes, report.frames, report.attempts, report.falls) == (4, 4 * ticks, 5, 1)
    assert report.attempted_modes == Counter(plan_episode("open_drawer", 0, i).mode for i in range(5))
    assert report.attempted_modes - report.modes == Counter([plan_episode("open_drawer", 0, 1).mode])
    frames = content(config.root)
    for number, frame in enumerate(frames):
        np.testing.assert_array_equal(frame["action"], np.full(9, number // ticks))
        assert frame["task"] == f"drawer {number // ticks}, please"
    assert [record["attempt"] for record in lines(config.root / EPISODES_FILE)] == [0, 2, 3, 4]
    tried = lines(config.root / ATTEMPTS_FILE)
    assert [(each["success"], each["fallen"]) for each in tried] == [(True, False), (False, True)] + [
        (True, False)
    ] * 3

    again = record_demonstrations(config)
    again.seconds = report.seconds
    assert again == report  # now read from the dataset


def test_a_dataset_of_the_first_version_is_read_and_was_recorded_on_the_planar_base(tmp_path):
    (tmp_path / "meta").mkdir()
    same = {"episodes": 1, "image_height": 24, "image_width": 32, "seed": 0, "video": False}
    settings = {"task": "open_drawer", "repo_id": "local/go2_so101_open_drawer", **same}
    (tmp_path / SETTINGS_FILE).write_text(json.dumps(settings))
    record = {"episode_index": 0, "attempt": 2, "mode": "left-arm", "seed": 7, "length": 90, "success": True}
    (tmp_path / EPISODES_FILE).write_text(json.dumps(record) + "\n")
    report = record_demonstrations(DemosConfig(root=tmp_path, base="planar", **same))
    assert (report.episodes, report.frames, report.attempts, report.falls) == (1, 90, 3, 0)
    assert sum(report.attempted_modes.values()) == 3
    with pytest.raises(ValueError, match=r"base='legged' \(there: 'planar'\)"):
        record_demonstrations(DemosConfig(root=tmp_path, base="legged", **same))


def test_a_world_that_is_too_hard_for_the_expert_ends_the_recording(tmp_path):
    config = DemosConfig(root=tmp_path / "demos", **{**SMALL, "episodes": 1})
    staging = Staging(config.root)
    staging.open(config.settings)
    for number in range(22):
        staging.write(number, Attempt("open the drawer", fallen=False, frames={}))
    with pytest.raises(ValueError, match=r"failed in 22 of 22 attempts.*anchorvla experts"):
        record_demonstrations(config)


# From here on whole recordings, in processes of their own.


def start_recording(root: Path, **settings) -> subprocess.Popen:
    code = (
        "from pathlib import Path\n"
        "from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig, record_demonstrations\n"
        "if __name__ == '__main__':\n"
        f"    record_demonstrations(DemosConfig(root=Path({str(root)!r}), **{ {**SMALL, **settings} }))\n"
    )
    script = root.with_suffix(".py")
    script.write_text(code)
    return subprocess.Popen([sys.executable, script], stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen) -> int:
    _, errors = process.communicate(timeout=240)
    assert process.returncode in (0, -signal.SIGINT, 130), errors
    return process.returncode


def wait_for_attempts(root: Path, count: int) -> None:
    attempts = root.with_name(root.name + ".recording") / "attempts"
    deadline = time.monotonic() + 120
    while len(list(attempts.glob("*.npz"))) < count:
        assert time.monotonic() < deadline, "no attempt was written"
        time.sleep(0.02)


def content(root: Path) -> list[dict]:
    """Everything in a dataset's frames, images decoded."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    dataset = LeRobotDataset("local/go2_so101_open_drawer", root=root)
    assert dataset.fps == 15 and dataset.meta.robot_type == "go2_so101"
    return [dataset[i] for i in range(len(dataset))]


def assert_same(one: list[dict], two: list[dict]) -> None:
    assert len(one) == len(two)
    for a, b in zip(one, two, strict=True):
        assert a.keys() == b.keys()
        for key in a:
            np.testing.assert_array_equal(np.asarray(a[key]), np.asarray(b[key]))


def lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole") / "demos"
    assert finish(start_recording(root, workers=2)) == 0
    return root


@pytest.mark.slow
def test_the_dataset_holds_what_was_simulated(recorded, env):
    frames = content(recorded)
    records = lines(recorded / EPISODES_FILE)
    assert [record["episode_index"] for record in records] == [0, 1, 2, 3]
    assert len(frames) == sum(record["length"] for record in records)
    first = simulate_episode(env, plan_episode("open_drawer", 0, records[0]["attempt"])).frames
    for t in (0, 17, records[0]["length"] - 1):
        np.testing.assert_array_equal(frames[t]["action"], first["action"][t])
        np.testing.assert_array_equal(frames[t]["observation.environment_state"], first["target"][t])
        image = (frames[t]["observation.images.wrist"].numpy() * 255).round().astype(np.uint8)
        np.testing.assert_array_equal(image.transpose(1, 2, 0), first["wrist"][t])
        assert frames[t]["task"] == "open the drawer"
    assert not recorded.with_name("demos.recording").exists()


@pytest.mark.slow
def test_a_finished_dataset_is_not_recorded_again(recorded):
    report = record_demonstrations(DemosConfig(root=recorded, **SMALL))
    assert report.episodes == 4 and sum(report.modes.values()) == 4
    assert report.seconds < 5
    with pytest.raises(ValueError, match=r"episodes=9 \(there: 4\)"):
        record_demonstrations(DemosConfig(root=recorded, **{**SMALL, "episodes": 9}))


@pytest.mark.slow
def test_one_worker_records_the_same(recorded, tmp_path):
    assert finish(start_recording(tmp_path / "demos", workers=1)) == 0
    assert_same(content(tmp_path / "demos"), content(recorded))


@pytest.mark.slow
def test_a_killed_recording_goes_on_and_ends_the_same(recorded, tmp_path):
    root = tmp_path / "demos"
    for count in (1, 3):
        process = start_recording(root, workers=2)
        wait_for_attempts(root, count)
        process.kill()
        process.communicate()
        assert not root.exists()
    assert finish(start_recording(root, workers=2)) == 0
    assert_same(content(root), content(recorded))
    for file in (EPISODES_FILE, ATTEMPTS_FILE):
        assert lines(root / file) == lines(recorded / file)


@pytest.mark.slow
def test_workers_end_with_a_killed_parent(tmp_path):
    process = start_recording(tmp_path / "demos", workers=2)
    wait_for_attempts(tmp_path / "demos", 1)
    workers = [
        int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    ]
    assert workers
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/fd") and _alive(pid) for pid in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.1)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_an_interrupted_recording_leaves_a_readable_dataset_and_goes_on(recorded, tmp_path):
    root = tmp_path / "demos"
    process = start_recording(root, workers=1)
    wait_for_attempts(root, 2)
    process.send_signal(signal.SIGINT)
    assert finish(process) != 0
    partial = content(root)
    whole = content(recorded)
    assert 0 < len(partial) < len(whole)
    for key in ("action", "observation.state"):
        np.testing.assert_array_equal(partial[-1][key], whole[len(partial) - 1][key])
    assert finish(start_recording(root, workers=2)) == 0
    assert_same(content(root), whole)


@pytest.mark.slow
def test_videos_can_be_recorded(tmp_path):
    assert (
        finish(
            start_recording(
                tmp_path / "demos", workers=2, episodes=1, video=True, image_height=64, image_width=64
            )
        )
        == 0
    )
    frames = content(tmp_path / "demos")
    assert frames[0]["observation.images.front"].shape == (3, 64, 64)
