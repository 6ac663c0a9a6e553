"""Runs LeRobot's commands and our own one after the other: shown, logged, skipped when already done."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

_PROGRESS = re.compile(r"\d+%\|")
_SECONDS_BETWEEN_LINES = 20.0  # where the output is not a terminal
_SECONDS_TO_STOP = 30.0
_TAIL_LINES = 15


class CommandError(RuntimeError):
    """A command ended with an error; the message holds the end of its log."""


@dataclass(frozen=True)
class Command:
    """One command line.

    Attributes:
        name: short and unique in its folder; also the name of its log.
        program: `anchorvla`, or one of LeRobot's commands such as `lerobot-train`.
        options: `--key=value`, in order.
        outputs: folders that are removed before the command starts again; LeRobot refuses those that exist.
        resumes: whether it goes on by itself where it was interrupted, so that its outputs are kept then.
        needs: name of the command whose outputs this one starts from.
    """

    name: str
    program: str
    options: tuple[str, ...]
    outputs: tuple[Path, ...] = ()
    resumes: bool = False
    needs: str | None = None

    def __str__(self) -> str:
        return shlex.join([self.program, *self.options])

    @property
    def arguments(self) -> list[str]:
        """What is executed: the program beside the running Python, so that no PATH can confuse them."""
        return [str(Path(sys.executable).parent / self.program), *self.options]


def options(**values: Any) -> tuple[str, ...]:
    """`--key=value` for each; dots in keys are written as two underscores. None is left out."""
    return tuple(
        f"--{key.replace('__', '.')}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in values.items()
        if value is not None
    )


@dataclass
class Run:
    """What is remembered of a command: its line and need, how long it took, whether it came to its end."""

    command: str
    needs: str | None = None
    seconds: float = 0.0
    finished: bool = False


@dataclass
class Journal:
    """The commands that were run in a folder, in `commands.json`; their output is in `logs/`.

    A finished command counts as done until its line changes or what it needs is run again.
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
        """Whether this very command line came to its end."""
        run = self.runs.get(command.name)
        return run is not None and run.finished and run.command == str(command)

    def log(self, name: str) -> Path:
        return self.folder / "logs" / f"{name}.log"

    def execute(self, command: Command) -> None:
        """Runs the command and remembers it.

        Raises:
            CommandError: if it ends with an error.
        """
        before = self.runs.get(command.name)
        interrupted = before is not None and not before.finished and before.command == str(command)
        goes_on = command.resumes and interrupted
        for folder in () if goes_on else command.outputs:
            shutil.rmtree(folder, ignore_errors=True)
        self._forget(command.name)
        self.runs[command.name] = Run(str(command), command.needs)
        self._write()
        print(f"\n$ {command}", flush=True)
        start = time.monotonic()
        run_logged(command, self.log(command.name))
        seconds = time.monotonic() - start
        self.runs[command.name] = Run(str(command), command.needs, seconds, finished=True)
        self._write()
        print(f"{command.name}: done in {clock(seconds)}", flush=True)

    def _forget(self, name: str) -> None:
        """The command and all that was made from its outputs."""
        self.runs.pop(name, None)
        for dependant in [other for other, run in self.runs.items() if run.needs == name]:
            self._forget(dependant)

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "commands.json"
        partial = path.with_suffix(".tmp")
        partial.write_text(json.dumps({name: asdict(run) for name, run in self.runs.items()}, indent=2))
        partial.replace(path)


def run_logged(command: Command, log: Path) -> None:
    """Runs a command with its whole output in `log` and its progress on the terminal.

    Ctrl-C (and a termination) is passed on once, then the command has some seconds to end by itself.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment.setdefault("HF_HUB_OFFLINE", "1")
    with log.open("wb") as file, _termination_as_interrupt():
        process = subprocess.Popen(
            command.arguments,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,  # the terminal's Ctrl-C reaches only us; we pass it on
        )
        try:
            _follow(process, file, StatusLine(command.name))
        except BaseException:
            _stop(process)
            raise
    if process.returncode:
        tail = "\n".join(f"  {line}" for line in _lines(log)[-_TAIL_LINES:])
        raise CommandError(
            f"{command.name} ended with exit code {process.returncode}; {log} ends with\n{tail}"
        )


def _follow(process: subprocess.Popen[bytes], file: Any, status: StatusLine) -> None:
    assert process.stdout is not None
    rest = b""
    while chunk := os.read(process.stdout.fileno(), 1 << 16):
        file.write(chunk)
        file.flush()
        *segments, rest = re.split(rb"[\r\n]", rest + chunk)
        progress = [
            text for segment in segments if _PROGRESS.search(text := segment.decode(errors="replace"))
        ]
        status.show(progress[-1] if progress else None)
    process.wait()
    status.end()


class StatusLine:
    """The progress of a command, rewritten in place on a terminal and repeated now and then elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._start = self._last = time.monotonic()
        self._text = "starting"
        self._terminal = sys.stdout.isatty()

    def show(self, text: str | None) -> None:
        """`text`: the latest progress, or None where there was no news but other output."""
        self._text = " ".join(text.split()) if text else self._text
        now = time.monotonic()
        if now - self._last < (0.1 if self._terminal else _SECONDS_BETWEEN_LINES):
            return
        self._last = now
        line = f"{clock(now - self._start)}  {self._name}: {self._text}"
        if self._terminal:
            width = shutil.get_terminal_size().columns
            print(f"\r\x1b[2K{line[: width - 1]}", end="", flush=True)
        else:
            print(line, flush=True)

    def end(self) -> None:
        """Clears the line."""
        if self._terminal:
            print("\r\x1b[2K", end="", flush=True)


@contextlib.contextmanager
def _termination_as_interrupt() -> Iterator[None]:
    """Within it, a termination or a closed terminal is a KeyboardInterrupt: no command is orphaned."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        # It may still write, and would wait for ever on a pipe that nobody reads.
        threading.Thread(target=process.stdout.read, daemon=True).start()  # type: ignore[union-attr]
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(timeout=_SECONDS_TO_STOP)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # also what the command itself has started
    process.wait()


def _lines(log: Path) -> list[str]:
    text = re.split(r"[\r\n]+", log.read_text(errors="replace"))
    return [line for line in text if line.strip()]


def clock(seconds: float) -> str:
    """Minutes and seconds, as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
