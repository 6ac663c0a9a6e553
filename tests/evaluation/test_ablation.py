import json
from dataclasses import replace
from pathlib import Path

import pytest

from lerobot_anchorvla.commands import Command, Journal
from lerobot_anchorvla.datasets.names import SETTINGS_FILE
from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig
from lerobot_anchorvla.evaluation import ablation
from lerobot_anchorvla.evaluation.ablation import AblationConfig, ablation_commands, run_ablation, variants


@pytest.fixture
def config(tmp_path):
    (tmp_path / "dataset" / "meta").mkdir(parents=True)
    features = {"observation.images.front": {"shape": [64, 80, 3]}}
    (tmp_path / "dataset" / "meta" / "info.json").write_text(json.dumps({"features": features}))
    return AblationConfig(
        dataset_root=tmp_path / "dataset",
        output_dir=tmp_path / "out",
        page=tmp_path / "docs" / "ablation.md",
        seeds=[0, 1],
        eval_episodes=4,
        eval_batch_size=2,
    )


def make_outputs(command: Command, log: Path) -> None:
    command.outputs[0].mkdir(parents=True)


def test_every_head_is_trained_on_the_same_budget(config):
    trainings = [str(command) for command in ablation_commands(config) if command.program == "lerobot-train"]
    assert len(trainings) == 3 * 2
    common = {line.split("--policy.head=")[0] for line in trainings}
    assert len(common) == 1
    assert all(f"--steps={config.steps} --batch_size={config.batch_size}" in line for line in trainings)


def test_the_cameras_are_those_of_the_demonstrations(config):
    evaluations = [str(command) for command in ablation_commands(config) if command.program == "lerobot-eval"]
    assert all("--env.image_height=64 --env.image_width=80" in line for line in evaluations)


def test_the_table_has_every_variant(config):
    names = [variant.name for variant in variants(config)]
    for steps in (1, 2, 5, 10):
        assert f"anchored_{steps}_steps" in names
    for steps in (2, 5, 10):
        assert f"gaussian_{steps}_steps" in names
    assert "regression" in names
    assert len(names) == len(set(names))


def test_results_become_a_json_and_a_page_and_finished_commands_are_skipped(config, monkeypatch, capsys):
    executed = []

    def pretend(command: Command, log: Path) -> None:
        executed.append(command.name)
        make_outputs(command, log)
        if command.program == "lerobot-eval":
            folder = command.outputs[0]
            info = {
                "per_task": [{"metrics": {"successes": [True, True, True, False]}}],
                "overall": {"eval_s": 8.0},
            }
            (folder / "eval_info.json").write_text(json.dumps(info))

    monkeypatch.setattr("lerobot_anchorvla.commands.journal.run_logged", pretend)
    rows = run_ablation(config)
    assert len(executed) == len(list(ablation_commands(config)))
    assert (rows[0].rate.successes, rows[0].rate.trials) == (6, 8)
    page = config.page.read_text()
    assert "| anchored | 1 | 5 | 6 of 8 | 41 to 93 % | 3, 3 | 0 |" in page
    assert page.split("\n\n")[2] in capsys.readouterr().out
    assert len(json.loads((config.output_dir / "ablation.json").read_text())["rows"]) == len(rows)

    executed.clear()
    run_ablation(config)
    assert executed == []


def test_a_training_that_is_run_again_takes_its_evaluations_with_it(config, monkeypatch):
    monkeypatch.setattr("lerobot_anchorvla.commands.journal.run_logged", make_outputs)
    journal = Journal.open(config.output_dir)
    commands = list(ablation_commands(config))
    for command in commands:
        journal.execute(command)
    journal.execute(commands[0])
    unfinished = [command.name for command in commands if not journal.is_finished(command)]
    assert unfinished
    assert all(name.startswith("eval_anchored") and name.endswith("seed0") for name in unfinished)


def test_a_missing_dataset_says_how_to_record_one(config):
    config.dataset_root = config.dataset_root / "nowhere"
    with pytest.raises(ValueError, match="anchorvla demos --root="):
        run_ablation(config)


def test_a_world_other_than_that_of_the_demonstrations_is_refused(config):
    settings = {"task": "open_drawer", "base": "legged"}
    (config.dataset_root / SETTINGS_FILE).write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"base='planar' is not that of .* give --base=legged"):
        run_ablation(replace(config, base="planar"))


def test_the_evaluations_are_in_the_world_that_is_asked_for(config):
    config = replace(config, random_lighting=True)
    for command in ablation_commands(config):
        assert ("--env.random_lighting=true" in command.options) == (command.program == "lerobot-eval")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"anchored_steps": [2, 20]}, r"anchored_steps: .*between 1 and 10, got \[2, 20\]"),
        ({"gaussian_steps": [51]}, "gaussian_steps: .*between 1 and 50"),
        ({"n_action_steps": [9]}, "n_action_steps: .*between 1 and 8"),
        ({"seeds": [-1]}, "seeds: .*at least 0"),
        ({"seeds": [1, 1]}, "seeds must not hold a value twice"),
        ({"seeds": []}, "at least one seed"),
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"eval_batch_size": 0}, "eval_batch_size must be at least 1, got 0"),
        ({"episode_length": 0}, "episode_length must be at least 1, got 0"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_trained(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        AblationConfig(dataset_root=tmp_path, **fields)


def test_the_page_repeats_what_was_changed_and_no_path_of_this_machine(config):
    settings = DemosConfig(image_height=96).settings
    (config.dataset_root / SETTINGS_FILE).write_text(json.dumps(settings))
    config = replace(config, target_pose=False, eval_seed=500, anchored_steps=[1, 2], page=None)
    again = ablation._again(config).replace(" \\\n    ", " ")
    assert again.splitlines() == [
        "anchorvla demos --root=outputs/demo/dataset --image_height=96",
        "anchorvla ablate --dataset_root=outputs/demo/dataset --target_pose=false --eval_episodes=4 "
        "--eval_seed=500 --eval_batch_size=2 '--seeds=[0,1]' '--anchored_steps=[1,2]'",
    ]
    assert config.page_path == config.output_dir / "ablation.md"


def test_a_relative_dataset_is_shown_as_given():
    assert (
        ablation._again(AblationConfig(dataset_root=Path("mine"))) == "anchorvla ablate --dataset_root=mine"
    )
