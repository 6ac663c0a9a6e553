"""The one line on the terminal that tells how far a command is."""

from __future__ import annotations

import shutil
import sys
import time

_SECONDS_BETWEEN_LINES = 20.0  # where the output is not a terminal


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


def clock(seconds: float) -> str:
    """Minutes and seconds, as 3:07."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
