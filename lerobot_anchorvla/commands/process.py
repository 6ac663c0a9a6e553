"""Runs one command as a process: followed, logged, and stopped together with what it started."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from lerobot_anchorvla.commands.command import Command
from lerobot_anchorvla.commands.status_line import StatusLine

_PROGRESS = re.compile(r"\d+%\|")
_SECONDS_TO_STOP = 30.0
_TAIL_LINES = 15


class CommandError(RuntimeError):
    """A command ended with an error; the message says why, or holds the end of its log."""


def run_logged(command: Command, log: Path) -> None:
    """Runs a command with its whole output in `log` and its progress on the terminal.

    Ctrl-C (and a termination) is passed on once, then the command has some seconds to end by itself.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "TOKENIZERS_PARALLELISM": "false"}
    environment.setdefault("HF_HUB_OFFLINE", "1")
    # One core is the data loader's: threads that wait for each other beside it cost more than they bring.
    environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
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
