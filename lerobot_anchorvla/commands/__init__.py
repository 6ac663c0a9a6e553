"""Runs LeRobot's commands and our own one after the other: shown, logged, skipped when already done."""

from lerobot_anchorvla.commands.command import Command, options, wrapped
from lerobot_anchorvla.commands.journal import Journal, Run
from lerobot_anchorvla.commands.process import CommandError, run_logged
from lerobot_anchorvla.commands.status_line import clock

__all__ = ["Command", "CommandError", "Journal", "Run", "clock", "options", "run_logged", "wrapped"]
