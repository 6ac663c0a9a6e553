"""What tests read from a command line."""

from lerobot_anchorvla.commands import Command


def option(command: Command, name: str) -> str | None:
    """The value of --name=VALUE; None where the command has no such option."""
    given = dict(each.removeprefix("--").split("=", 1) for each in command.options if each.startswith("--"))
    return given.get(name)
