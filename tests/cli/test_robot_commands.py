"""LeRobot's robot commands on the simulated robot, end to end, each in a process of its own."""

import re
from pathlib import Path

import numpy as np
import pytest
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from lerobot_anchorvla.sim.signals import ACTION_NAMES, STATE_NAMES
from tests.checkpoint import IMAGE_SIZE, save_checkpoint
from tests.cli.test_lerobot_commands import TINY_POLICY, last, run, training

pytestmark = pytest.mark.slow

ROBOT = "--robot.type=go2_so101_sim"
EXPERT = "--teleop.type=go2_so101_expert"
DONE = re.compile(r"Seed (\d+): done after ([\d.]+) s, progress ([\d.]+) m")
PACE = re.compile(r"(\d+) control periods at [\d.]+ Hz on average")


def rollout_arguments(checkpoint: Path) -> tuple[str, ...]:
    return (
        "--strategy.type=base",
        f"--policy.path={checkpoint}",
        "--policy.device=cpu",
        ROBOT,
        "--task=open the drawer",
        "--fps=15",
        "--duration=3",
        "--play_sounds=false",
    )


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> tuple[Path, str]:
    """A dataset of two episodes, and what the recording printed."""
    root = tmp_path_factory.mktemp("record") / "dataset"
    output = run(
        "lerobot-record",
        ROBOT,
        EXPERT,
        "--dataset.repo_id=test/demos",
        f"--dataset.root={root}",
        "--dataset.single_task=open the drawer",
        "--dataset.fps=15",
        "--dataset.num_episodes=2",
        "--dataset.episode_time_s=300",
        "--dataset.video=false",
        "--dataset.push_to_hub=false",
        "--play_sounds=false",
    )
    assert "Expert: 2 attempts succeeded" in output
    return root, output


def test_the_recording_is_a_dataset_of_whole_attempts(recorded):
    root, output = recorded
    dataset = LeRobotDataset("test/demos", root=root)
    assert (dataset.num_episodes, dataset.fps, dataset.meta.robot_type) == (2, 15, "go2_so101_sim")
    assert dataset.features["action"]["names"] == ACTION_NAMES
    assert dataset.features["observation.state"]["names"] == STATE_NAMES
    assert dataset[0]["observation.images.front"].shape == (3, 64, 64)
    # The tick after the task is done shows that it is, and ends the episode.
    ticks = [round(15 * float(seconds)) + 1 for _, seconds, _ in DONE.findall(output)]
    np.testing.assert_allclose(np.bincount(dataset.hf_dataset["episode_index"]), ticks, atol=1)


def test_a_replay_with_the_seed_of_the_episode_does_the_task_again(recorded):
    root, output = recorded
    seed, *figures = DONE.findall(output)[1]
    replayed = run(
        "lerobot-replay",
        ROBOT,
        f"--robot.seed={seed}",
        "--dataset.repo_id=test/demos",
        f"--dataset.root={root}",
        "--dataset.episode=1",
        "--play_sounds=false",
    )
    assert DONE.findall(replayed) == [(seed, *figures)]


def test_a_policy_trained_on_the_recording_runs_on_the_robot(recorded, tmp_path):
    output_dir = tmp_path / "train"
    run(
        "lerobot-train",
        *TINY_POLICY,
        "--policy.use_environment_state=false",
        *training(recorded[0], output_dir, "--steps=2"),
    )
    output = run("lerobot-rollout", *rollout_arguments(last(output_dir)))
    assert "Rollout finished" in output
    (ticks,) = PACE.findall(output)
    # At least one action of the policy; then LeRobot takes the arm back in 150 steps.
    assert int(ticks) >= 150


def test_a_policy_that_needs_the_targets_pose_is_told_what_to_do(tmp_path):
    checkpoint = save_checkpoint(tmp_path / "checkpoint")
    with pytest.raises(AssertionError) as failed:
        run(
            "lerobot-rollout",
            *rollout_arguments(checkpoint),
            f"--robot.image_height={IMAGE_SIZE}",
            f"--robot.image_width={IMAGE_SIZE}",
        )
    assert "trained with observation.environment_state, which the observation lacks" in str(failed.value)
    assert "--policy.use_environment_state=false" in str(failed.value)


def test_teleoperating_with_the_expert():
    output = run("lerobot-teleoperate", ROBOT, EXPERT, "--fps=15", "--teleop_time_s=3")
    assert "Seed 0: the expert's mode is" in output
    (ticks,) = PACE.findall(output)
    assert int(ticks) >= 3
