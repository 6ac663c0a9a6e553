"""The commands in README.md do what `anchorvla demo` does unless told otherwise."""

import re
import shlex
from pathlib import Path

import pytest

from lerobot_anchorvla.commands import Command
from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig
from lerobot_anchorvla.demo import DemoConfig, demo_commands
from lerobot_anchorvla.envs.go2_so101.configuration_go2_so101 import Go2SO101EnvConfig
from tests.command_options import given

README = (Path(__file__).parents[1] / "README.md").read_text()
DEMO = DemoConfig(output_dir=Path("outputs/drawer"))

# Nothing that is learned or measured depends on these: the README may leave them out, as it may defaults.
WITHOUT_EFFECT = {"save_freq", "env_eval_freq", "wandb.enable", "env.trace_dir"}


def shown() -> list[list[str]]:
    """The README's commands of the demo's programs, in order, each as a list of words."""
    blocks = re.findall(r"```bash\n(.*?)```", README, re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [line for line in lines if line and line[0] in ("anchorvla", "lerobot-train", "lerobot-eval")]


def executed() -> list[Command]:
    """The demo's commands that the README shows: of its evaluations the one of both stages."""
    commands = {command.name: command for step in demo_commands(DEMO).values() for command in step}
    return [commands[name] for name in ("record", "train", "residual", "evaluate_residual")]


def default(program: str, name: str) -> str | None:
    """Of an option of `anchorvla demos` or of the environment, as it is typed."""
    if program == "anchorvla":
        value = DemosConfig().dataset_name if name == "repo_id" else getattr(DemosConfig(), name)
    elif name.startswith("env."):
        value = getattr(Go2SO101EnvConfig(), name.removeprefix("env."))
    else:
        return None
    return str(value)


def test_the_steps_are_those_of_the_demo():
    programs = [command.program for command in executed()]
    assert [line[0] for line in shown()] == programs
    assert shown()[0][1] == executed()[0].options[0] == "demos"


@pytest.mark.parametrize("step", range(4), ids=["record", "train", "residual", "evaluate"])
def test_a_command_has_the_demos_settings(step):
    command = executed()[step]
    typed, wanted = given(shown()[step]), given(command.options)
    if command.program == "lerobot-eval":
        assert (typed.pop("output_dir"), wanted.pop("output_dir")) == (
            "outputs/drawer/eval",
            "outputs/drawer/evaluate/residual",
        )
    assert typed == {name: value for name, value in wanted.items() if name in typed}
    for name in wanted.keys() - typed.keys() - WITHOUT_EFFECT:
        assert wanted[name] == default(command.program, name), f"{name} is not in the README's command"
