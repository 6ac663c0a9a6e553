"""What tests read from a command line."""

from collections.abc import Iterable

from lerobot_anchorvla.commands import Command


def given(words: Iterable[str]) -> dict[str, str]:
    """VALUE of each --name=VALUE among the words."""
    return dict(each.removeprefix("--").split("=", 1) for each in words if each.startswith("--"))


def option(command: Command, name: str) -> str | None:
    """The value of --name=VALUE; None where the command has no such option."""
    return given(command.options).get(name)


def assert_in_order(commands: Iterable[Command]) -> None:
    """Each has a name of its own and comes after the one that it needs."""
    done: set[str | None] = {None}
    for command in commands:
        assert command.needs in done
        assert command.name not in done
        done.add(command.name)
