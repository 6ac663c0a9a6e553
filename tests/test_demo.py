import json
import re
import shlex

import pytest

from lerobot_anchorvla import cli
from lerobot_anchorvla.commands import Journal
from lerobot_anchorvla.datasets.simulate_episode import plan_episode
from lerobot_anchorvla.demo import DemoConfig, demo_commands, run_demo
from lerobot_anchorvla.sim.disturbances import Disturbances

EVALUATIONS = ["evaluate_base", "evaluate_sampled", "evaluate_residual"]


@pytest.fixture
def executed(monkeypatch) -> list[str]:
    """The names of the commands that would have run, in order."""
    names = []

    def pretend(command, log):
        names.append(command.name)
        for output in command.outputs:
            output.mkdir(parents=True)

    monkeypatch.setattr("lerobot_anchorvla.commands.journal.run_logged", pretend)
    monkeypatch.setattr("lerobot_anchorvla.demo.write_report", lambda inputs, folder: folder / "report.html")
    return names


def lines(config):
    return {command.name: str(command) for step in demo_commands(config).values() for command in step}


def test_the_steps_are_commands_of_anchorvla_and_lerobot(tmp_path):
    commands = lines(DemoConfig(output_dir=tmp_path))
    assert [shlex.split(line)[0] for line in commands.values()] == [
        "anchorvla",
        "lerobot-train",
        "lerobot-train",
        "lerobot-eval",
        "lerobot-eval",
        "lerobot-eval",
    ]
    assert "--policy.selection=sample" in commands["evaluate_sampled"]
    assert "--policy.stage=residual" in commands["residual"]
    assert "--eval.n_episodes=50" in commands["evaluate_base"]


def test_the_evaluation_uses_other_seeds_than_the_demonstrations(tmp_path):
    commands = lines(DemoConfig(output_dir=tmp_path))
    assert "--seed=0" in commands["record"] and "--episodes=100" in commands["record"]
    for name in EVALUATIONS:
        assert "--seed=10000" in commands[name] and "--eval.n_episodes=50" in commands[name]
    attempts = 2 * 100 + 20  # more than are ever made for 100 demonstrations
    demonstrated = {plan_episode("open_drawer", 0, attempt).seed for attempt in range(attempts)}
    assert len(demonstrated) == attempts
    assert demonstrated.isdisjoint(range(10000, 10050))


def test_pixels_alone_hide_the_target_from_the_policy(tmp_path):
    assert (
        "--policy.use_environment_state=false"
        in lines(DemoConfig(output_dir=tmp_path, target_pose=False))["train"]
    )


def test_the_world_is_that_of_the_demonstrations_and_of_the_evaluations(tmp_path):
    config = DemoConfig(output_dir=tmp_path, random_start=False, disturbances=Disturbances(scale=0.5))
    for name, line in lines(config).items():
        prefix = {"record": "--", "evaluate": "--env."}.get(name.split("_")[0])
        if prefix is None:
            assert "random_start" not in line
        else:
            assert f"{prefix}task=open_drawer {prefix}base={config.base} {prefix}random_start=false" in line
            assert f"{prefix}disturbances.base_drift=0.015" in line
            assert f"{prefix}disturbances.command_latency=1" in line


def test_options_of_the_world_that_are_left_alone_are_not_shown(tmp_path):
    for name, line in lines(DemoConfig(output_dir=tmp_path)).items():
        shown = [option for option in ("level", "random", "disturbances") if option in line]
        assert shown == [], name


def test_another_world_makes_every_step_anew(tmp_path, executed):
    run_demo(DemoConfig(output_dir=tmp_path))
    executed.clear()
    other = DemoConfig(output_dir=tmp_path, random_lighting=True)
    run_demo(other)
    assert executed == ["record", "train", "residual", *EVALUATIONS]
    executed.clear()
    run_demo(other)
    assert executed == []


def test_finished_steps_are_skipped_and_a_step_can_be_forced(tmp_path, executed):
    run_demo(DemoConfig(output_dir=tmp_path))
    assert executed == ["record", "train", "residual", *EVALUATIONS]
    executed.clear()
    run_demo(DemoConfig(output_dir=tmp_path))
    assert executed == []
    run_demo(DemoConfig(output_dir=tmp_path, step="residual"))
    assert executed == ["residual"]
    executed.clear()
    run_demo(DemoConfig(output_dir=tmp_path))
    assert executed == ["evaluate_residual"]
    executed.clear()
    run_demo(DemoConfig(output_dir=tmp_path, eval_seed=20000))
    assert executed == EVALUATIONS


def test_a_dataset_that_the_demo_did_not_record_is_left_alone(tmp_path):
    (tmp_path / "dataset").mkdir()
    (tmp_path / "dataset" / "mine.parquet").write_text("years of work")
    with pytest.raises(ValueError, match=r"dataset holds something .*give another output_dir"):
        run_demo(DemoConfig(output_dir=tmp_path))
    assert (tmp_path / "dataset" / "mine.parquet").read_text() == "years of work"


def test_a_report_without_its_steps_says_what_is_missing(tmp_path):
    with pytest.raises(ValueError, match="the report needs record, train"):
        run_demo(DemoConfig(output_dir=tmp_path, step="report"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"step": "dance"}, "step must be one of"),
        ({"episodes": 0}, "episodes must be at least 1, got 0"),
        ({"eval_episodes": 5}, "must be a multiple of eval_batch_size=10"),
        ({"eval_batch_size": 0}, "eval_batch_size must be at least 1, got 0"),
        ({"image_size": 0}, "image_size must be at least 4, got 0"),
        ({"level": "impossible"}, "level must be one of"),
        ({"episode_length": 0}, "episode_length must be at least 1, got 0"),
        ({"steps": 10}, "log_freq=20 leaves no point"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        DemoConfig(**fields)


@pytest.mark.slow
def test_the_demo_runs_start_to_end(tmp_path, capfd):
    small = ["episodes=4", "steps=4", "residual_steps=4", "batch_size=4", "log_freq=1", "image_size=32"]
    evaluation = ["eval_episodes=2", "eval_batch_size=1", "episode_length=12"]
    arguments = ["demo", f"--output_dir={tmp_path}", *(f"--{option}" for option in small + evaluation)]
    assert cli.run(arguments) == 0
    shown = capfd.readouterr().out
    assert f"Open {tmp_path}/report.html" in shown

    page = (tmp_path / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', page), "the page must be self-contained"
    assert page.count("data:image/") >= 5
    assert "$" not in re.sub(r"data:[^\"]*", "", page), "a placeholder of the template was left"
    for name in ("anchorvla demos", "lerobot-train", "lerobot-eval", "--policy.stage=residual"):
        assert name in page
    for text in ("0 of 2 held-out episodes", "No episode succeeded", "A failure: seed 10000", "undecided"):
        assert text in page
    for run in Journal.open(tmp_path).runs.values():
        assert run.finished
        assert shlex.split(run.command)[1] in page.replace("\n", " ")

    numbers = json.loads((tmp_path / "report.json").read_text())
    assert numbers["evaluations"]["Base policy"]["episodes"] == 2
    assert sum(numbers["demonstrated_modes"].values()) == 4

    assert cli.run(arguments) == 0
    assert capfd.readouterr().out.count("done before") == 6

    scores = ["scores", f"--policy_path={tmp_path}/train/checkpoints/last/pretrained_model"]
    assert cli.run([*scores, f"--dataset_root={tmp_path}/dataset", "--frames=20"]) == 0
    assert "first of 2 denoising steps: highest score is the positive anchor's" in capfd.readouterr().out
