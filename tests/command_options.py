"""What tests read from a command line."""

from collections.abc import Iterable

from lerobot_anchorvla.commands import Command


def given(words: Iterable[str]) -> dict[str, str]:
    """VALUE of each --name=VALUE among the words."""
    return dict(each.removeprefix("--").split("=", 1) for each in words if each.startswith("--"))


def option(command: Command, name: str) -> str | None:
    """The value of --name=VALUE; None where the command has no such option."""
    return given(command.options).get(name)
