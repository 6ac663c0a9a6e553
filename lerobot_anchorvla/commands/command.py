"""One command line: what it runs, what it makes and what it needs."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Command:
    """One command line.

    Attributes:
        name: short and unique in its folder; also the name of its log.
        program: `anchorvla`, or one of LeRobot's commands such as `lerobot-train`.
        options: `--key=value`, in order.
        outputs: folders that it makes; LeRobot's commands refuse those that exist.
        leftovers: folders that are there only while it is not finished.
        resumes: whether it goes on by itself where it was interrupted, so that its folders are kept then.
        needs: name of the command whose outputs this one starts from.
    """

    name: str
    program: str
    options: tuple[str, ...]
    outputs: tuple[Path, ...] = ()
    leftovers: tuple[Path, ...] = ()
    resumes: bool = False
    needs: str | None = None

    def __str__(self) -> str:
        return shlex.join([self.program, *self.options])

    @property
    def arguments(self) -> list[str]:
        """What is executed."""
        return [self.find_program(), *self.options]

    def find_program(self) -> str:
        """The program beside the running Python, so that no PATH can confuse them; else on the PATH.

        Raises:
            FileNotFoundError: if there is none.
        """
        beside = Path(sys.executable).parent / self.program
        found = str(beside) if beside.exists() else shutil.which(self.program)
        if found is None:
            raise FileNotFoundError(
                f"the command {self.program!r} is neither beside {sys.executable} nor on the PATH. Install "
                f"this package into that Python, in its repository: {sys.executable} -m pip install "
                "'.[sim,viz]'"
            )
        return found


def options(**values: Any) -> tuple[str, ...]:
    """`--key=value` for each; dots in keys are written as two underscores. None is left out."""
    return tuple(
        f"--{key.replace('__', '.')}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in values.items()
        if value is not None
    )


def wrapped(line: str) -> str:
    """Several lines that can be pasted into a shell as they are."""
    lines = textwrap.wrap(line, 92, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(lines)
