import json
from dataclasses import replace

import pytest

from lerobot_anchorvla import cli
from lerobot_anchorvla.commands import Command
from lerobot_anchorvla.evaluation.peers import POLICIES, PeersConfig, peers_commands, run_peers, worlds
from lerobot_anchorvla.sim.tasks import TASKS
from tests.command_options import assert_in_order, option


@pytest.fixture
def config(tmp_path):
    return PeersConfig(output_dir=tmp_path / "out", page=tmp_path / "docs" / "peers.md", eval_episodes=10)


def of_program(config: PeersConfig, program: str) -> list[Command]:
    return [command for command in peers_commands(config) if command.program == program]


def test_every_policy_is_trained_and_evaluated_in_every_world(config):
    found = [
        (option(command, "env.task"), option(command, "env.level"), command.name.split("_")[-2])
        for command in of_program(config, "lerobot-eval")
    ]
    assert found == [
        (task, level, policy) for task in TASKS for level in config.levels for policy in POLICIES
    ]
    trained = [option(command, "policy.type") for command in of_program(config, "lerobot-train")]
    assert trained == [policy for _, _, policy in found]


def test_commands_come_after_those_that_they_need(config):
    assert_in_order(peers_commands(config))


def test_all_policies_learn_from_the_same_episodes_without_images(config):
    one_world = replace(config, task="lift_bag", levels=["moved"])
    (blind,) = of_program(one_world, "lerobot-edit-dataset")
    (record,) = of_program(one_world, "anchorvla")
    assert option(record, "level") == "moved"
    assert option(blind, "root") == str(record.outputs[0])
    assert "observation.images.front" in option(blind, "operation.feature_names")
    roots = {option(command, "dataset.root") for command in of_program(one_world, "lerobot-train")}
    assert roots == {str(blind.outputs[0])}


def test_each_policy_has_steps_of_its_own(config):
    one_world = replace(config, task="lift_bag", levels=["moved"], steps=7, act_steps=8, diffusion_steps=9)
    trainings = of_program(one_world, "lerobot-train")
    assert {option(each, "policy.type"): option(each, "steps") for each in trainings} == {
        "anchorvla": "7",
        "act": "8",
        "diffusion": "9",
    }


def test_results_become_a_json_and_a_page(config, monkeypatch, capsys):
    successes = {"anchorvla": 9, "act": 6, "diffusion": 5}

    def pretend(command: Command, log) -> None:
        folder = command.outputs[0]
        folder.mkdir(parents=True)
        if command.program == "lerobot-eval":
            count = successes[folder.parent.name]
            info = {"per_task": [{"metrics": {"successes": [n < count for n in range(10)]}}]}
            (folder / "eval_info.json").write_text(json.dumps(info | {"overall": {"eval_s": 8.0}}))

    monkeypatch.setattr("lerobot_anchorvla.commands.journal.run_logged", pretend)
    run_peers(config)
    page = config.page.read_text()
    assert "| task | level | anchorvla | act | diffusion |" in page
    for world in worlds(config):
        cells = "9 of 10 (60 to 98 %), 0:00 | 6 of 10 (31 to 83 %), 0:00 | 5 of 10 (24 to 76 %), 0:00"
        assert f"| {world.task} | {world.level} | {cells} |" in page
    assert "anchorvla peers --eval_episodes=10\n" in page
    assert len(json.loads((config.output_dir / "peers.json").read_text())["rows"]) == 12
    assert "9 of 10" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "juggle"}, "task must be one of .*got 'juggle'"),
        ({"levels": []}, r"levels must hold different ones of .*got \[\]"),
        ({"levels": ["moved", "moved"]}, "levels must hold different ones of"),
        ({"levels": ["steep"]}, r"levels must hold different ones of .*got \['steep'\]"),
        ({"level": "hard"}, r"level=hard has no effect here: give levels=\[hard\]"),
        ({"act_steps": 0}, "act_steps must be at least 1, got 0"),
        ({"target_pose": False}, "target_pose must be true"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_anything_is_recorded(fields, message):
    with pytest.raises(ValueError, match=message):
        PeersConfig(**fields)


@pytest.mark.slow
def test_the_table_of_one_world_start_to_end(tmp_path, capfd):
    page = tmp_path / "peers.md"
    chosen = {
        "task": "open_drawer",
        "levels": "[moved]",
        "base": "planar",
        "output_dir": tmp_path / "out",
        "page": page,
        "episodes": 2,
        "steps": 2,
        "act_steps": 2,
        "diffusion_steps": 2,
        "batch_size": 4,
        "eval_episodes": 1,
        "eval_batch_size": 1,
        "episode_length": 12,
    }
    assert cli.run(["peers", *(f"--{name}={value}" for name, value in chosen.items())]) == 0
    assert page.read_text().count("0 of 1 (0 to 79 %), ") == 3
    assert "[8 of 8]" in capfd.readouterr().out
