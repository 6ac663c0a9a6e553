"""Remembers which commands were run in a folder, so that finished ones are skipped the next time."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from lerobot_anchorvla.commands.command import Command
from lerobot_anchorvla.commands.process import run_logged
from lerobot_anchorvla.commands.status_line import clock


@dataclass
class Run:
    """What is remembered of a command.

    Attributes:
        command: its line; None once what it started from was made again.
        needs: as in `Command`.
        seconds: how long it took.
        finished: whether it came to its end.
        folders: its outputs and leftovers, relative to the journal's folder.
    """

    command: str | None
    needs: str | None = None
    seconds: float = 0.0
    finished: bool = False
    folders: list[str] = field(default_factory=list)


@dataclass
class Journal:
    """The commands that were run in a folder, in `commands.json`; their output is in `logs/`.

    A finished command counts as done until its line changes, its outputs are gone, or what it needs is run
    again. Only folders that are written down here are ever removed.
    """

    folder: Path
    runs: dict[str, Run] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> Journal:
        """Reads the journal of a folder, which may be new."""
        path = folder / "commands.json"
        stored = json.loads(path.read_text()) if path.exists() else {}
        return cls(folder, {name: Run(**run) for name, run in stored.items()})

    def is_finished(self, command: Command) -> bool:
        """Whether this very command line came to its end and its outputs are still there."""
        run = self.runs.get(command.name)
        return (
            run is not None
            and run.finished
            and run.command == str(command)
            and all(output.exists() for output in command.outputs)
        )

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def execute(self, command: Command) -> None:
        """Runs the command and remembers it.

        Raises:
            FileNotFoundError: if its program is not installed.
            ValueError: if a folder of it holds something that was not made here.
            CommandError: if it ends with an error.
        """
        command.find_program()  # a missing program must not cost the folders that are removed below
        self._refuse_foreign_folders(command)
        before = self.runs.get(command.name)
        interrupted = before is not None and not before.finished and before.command == str(command)
        if not (command.resumes and interrupted):
            self._outdate(command.name)
            self._write()  # a kill while folders are being removed must not leave them as finished
            for folder in _folders(command):
                shutil.rmtree(folder, ignore_errors=True)
        run = Run(str(command), command.needs, folders=[self._relative(each) for each in _folders(command)])
        self.runs[command.name] = run
        self._write()
        print(f"\n$ {command}", flush=True)
        start = time.monotonic()
        run_logged(command, self.log(command.name))
        run.seconds, run.finished = time.monotonic() - start, True
        self._write()
        print(f"{command.name}: done in {clock(run.seconds)}", flush=True)

    def execute_unfinished(self, commands: Sequence[Command]) -> None:
        """Runs those of the commands, in order, that are not finished."""
        for number, command in enumerate(commands, start=1):
            if not self.is_finished(command):
                print(f"\n[{number} of {len(commands)}]", end="")
                self.execute(command)

    def _refuse_foreign_folders(self, command: Command) -> None:
        run = self.runs.get(command.name)
        ours = run.folders if run is not None else []
        for folder in _folders(command):
            if self._relative(folder) not in ours and _holds_something(folder):
                raise ValueError(
                    f"{folder} holds something that {self.folder / 'commands.json'} does not list as made by "
                    f"{command.name!r}, so it is left alone. Move it away, or give another output_dir."
                )

    def _relative(self, folder: Path) -> str:
        return os.path.relpath(folder, self.folder)

    def _outdate(self, name: str) -> None:
        """The command and all that was made from its outputs."""
        if name in self.runs:
            self.runs[name].command, self.runs[name].finished = None, False
        for dependant in [other for other, run in self.runs.items() if run.needs == name]:
            self._outdate(dependant)

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "commands.json"
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps({name: asdict(run) for name, run in self.runs.items()}, indent=2))
        partial.replace(path)


def _folders(command: Command) -> tuple[Path, ...]:
    return command.outputs + command.leftovers


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
