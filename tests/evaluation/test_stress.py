import itertools
import json
from dataclasses import replace

import pytest

from lerobot_anchorvla import cli
from lerobot_anchorvla.commands import Command, Journal
from lerobot_anchorvla.evaluation.stress import StressConfig, conditions, run_stress, stress_commands
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.tasks import TASKS
from tests.command_options import assert_in_order, option


@pytest.fixture
def config(tmp_path):
    return StressConfig(output_dir=tmp_path / "out", page=tmp_path / "docs" / "stress.md", eval_episodes=10)


@pytest.fixture
def executed(monkeypatch) -> list[str]:
    """The names of the commands that would have run; evaluations succeed in as many episodes as actions."""
    names = []

    def pretend(command: Command, log) -> None:
        names.append(command.name)
        folder = command.outputs[0]
        folder.mkdir(parents=True)
        if command.program == "lerobot-eval":
            successes = option(command, "policy.n_action_steps")
            successes = [number < int(successes) for number in range(10)]
            info = {"per_task": [{"metrics": {"successes": successes}}], "overall": {"eval_s": 8.0}}
            (folder / "eval_info.json").write_text(json.dumps(info))

    monkeypatch.setattr("lerobot_anchorvla.commands.journal.run_logged", pretend)
    return names


def of_program(config: StressConfig, program: str) -> list[Command]:
    return [command for command in stress_commands(config) if command.program == program]


def test_each_task_is_recorded_trained_twice_and_evaluated_twelve_times(config):
    for task in TASKS:
        of_task = replace(config, task=task)
        assert [option(command, "task") for command in of_program(of_task, "anchorvla")] == [task]
        assert len(of_program(of_task, "lerobot-train")) == 2
        evaluations = of_program(of_task, "lerobot-eval")
        assert {option(command, "env.task") for command in evaluations} == {task}
        names = ("policy.n_action_steps", "policy.apply_residual", "env.disturbances.base_drift")
        found = [tuple(option(command, name) for name in names) for command in evaluations]
        expected = itertools.product(("2", "5", "10"), ("false", "true"), (None, str(config.drift)))
        assert len(found) == 12 and set(found) == set(expected)
    assert len(list(stress_commands(config))) == len(TASKS) * (3 + 12)


def test_commands_come_after_those_that_they_need(config):
    assert_in_order(stress_commands(config))


def test_chunks_are_as_long_as_the_longest_horizon(config):
    base, residual, *_ = of_program(config, "lerobot-train")
    assert option(base, "policy.chunk_size") == "10"
    assert option(residual, "policy.chunk_size") is None, "it is the checkpoint's own"
    assert option(residual, "policy.path") == f"{base.outputs[0]}/checkpoints/last/pretrained_model"
    assert StressConfig(horizons=[2, 4]).chunk_size == 8


def test_demonstrations_and_evaluations_are_in_the_same_world(config):
    disturbed = replace(config, random_start=False, disturbances=Disturbances(push_force=9.0))
    for command in stress_commands(disturbed):
        prefix = {"anchorvla": "", "lerobot-eval": "env."}.get(command.program)
        if prefix is not None:
            assert option(command, f"{prefix}random_start") == "false"
            assert option(command, f"{prefix}disturbances.push_force") == "9.0"


def test_without_drift_means_none_even_in_a_disturbed_world(config):
    disturbed = replace(config, task="open_drawer", disturbances=Disturbances(scale=1.0), drift=0.5)
    evaluations = of_program(disturbed, "lerobot-eval")
    drifts = [option(command, "env.disturbances.base_drift") for command in evaluations]
    assert drifts == [None] * 6 + ["0.5"] * 6


def test_results_become_a_json_and_a_page_and_finished_commands_are_skipped(config, executed, capsys):
    cells = run_stress(config)
    assert executed == [command.name for command in stress_commands(config)]
    assert [cell.rate.successes for cell in cells[:6]] == [2, 5, 10, 2, 5, 10]
    page = config.page.read_text()
    row = "2 of 10 (6 to 51 %) | 5 of 10 (24 to 76 %) | 10 of 10 (72 to 100 %) |"
    assert "| task | base drift | residual | 2 actions | 5 actions | 10 actions |" in page
    for task in TASKS:
        for drift in ("without", "with"):
            for residual in ("without", "with"):
                assert f"| {task} | {drift} | {residual} | {row}" in page
    assert "seeds 10000 to 10009" in page
    assert "anchorvla stress --eval_episodes=10\n" in page
    assert row in capsys.readouterr().out
    assert len(json.loads((config.output_dir / "stress.json").read_text())["rows"]) == len(conditions(config))

    executed.clear()
    run_stress(config)
    assert executed == []
    run_stress(replace(config, drift=0.3))
    assert executed == [f"{task}_{each}" for task in TASKS for each in DRIFTING]


DRIFTING = [f"{n}_actions{residual}_drift" for residual in ("", "_residual") for n in (2, 5, 10)]


def test_one_task_can_be_made_again_alone(config, executed):
    run_stress(config)
    executed.clear()
    journal = Journal.open(config.output_dir)
    journal.execute(next(stress_commands(config)))
    executed.clear()
    run_stress(config)
    assert executed
    assert all(name.startswith("open_drawer_") for name in executed)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "juggle"}, "task must be one of .*got 'juggle'"),
        ({"base": "wheels"}, "base must be one of .*got 'wheels'"),
        ({"horizons": []}, "horizons must hold at least one"),
        ({"horizons": [0]}, r"horizons: every value must be at least 1, got \[0\]"),
        ({"horizons": [5, 5]}, "horizons must not hold a value twice"),
        ({"drift": 0.0}, "drift must be greater than 0, got 0.0"),
        ({"residual_steps": 0}, "residual_steps must be at least 1, got 0"),
        ({"eval_episodes": 7}, "must be a multiple of eval_batch_size=10"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_recorded(fields, message):
    with pytest.raises(ValueError, match=message):
        StressConfig(**fields)


@pytest.mark.slow
def test_the_table_of_one_task_start_to_end(tmp_path, capfd):
    page = tmp_path / "stress.md"
    options = {
        "task": "open_drawer",
        "base": "planar",
        "output_dir": tmp_path / "out",
        "page": page,
        "horizons": [9],
        "episodes": 2,
        "steps": 2,
        "residual_steps": 2,
        "batch_size": 4,
        "image_size": 32,
        "eval_episodes": 1,
        "eval_batch_size": 1,
        "episode_length": 12,
    }
    arguments = ["stress", *(f"--{name}={value}".replace(" ", "") for name, value in options.items())]
    assert cli.run(arguments) == 0
    assert page.read_text().count("| 0 of 1 (0 to 79 %) |") == 4
    assert "[7 of 7]" in capfd.readouterr().out
    assert cli.run(arguments) == 0
    assert "[1 of 7]" not in capfd.readouterr().out
