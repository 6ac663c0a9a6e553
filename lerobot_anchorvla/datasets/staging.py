"""The folder beside a dataset in which a recording grows until the dataset is whole.

    root/                  the dataset: appears by a rename, when it is finalised
    root.recording/
        settings.json      what the recording was asked for
        attempts/*.npz     one attempt each, with its demonstration where it succeeded
        dataset/           the dataset in the making; thrown away and made again when a recording resumes

Every file of an attempt is written under another name and renamed, so a recording that is killed at any
moment leaves whole attempts only, and `root` is either absent or a readable dataset.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from lerobot_anchorvla.datasets.simulate_episode import Attempt

SETTINGS_FILE = "settings.json"


class Staging:
    """Paths and moves of one recording.

    Args:
        root: where the dataset is to appear.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root.with_name(root.name + ".recording")
        self.dataset = self.folder / "dataset"
        self._attempts = self.folder / "attempts"
        self._replaced = self.folder / "replaced"

    def open(self, settings: dict[str, Any]) -> None:
        """Start a recording or go on with one; a ValueError names the settings that differ."""
        refuse_other_settings(self.folder / SETTINGS_FILE, settings, self.folder)
        self._attempts.mkdir(parents=True, exist_ok=True)
        for leftover in (self.dataset, self._replaced):
            shutil.rmtree(leftover, ignore_errors=True)
        for torn in self._attempts.glob("*.tmp"):
            torn.unlink()
        _write_whole(self.folder / SETTINGS_FILE, json.dumps(settings, indent=2).encode())

    def attempt_path(self, number: int) -> Path:
        return self._attempts / f"{number:06d}.npz"

    def has(self, number: int) -> bool:
        """Whether the attempt was made, with success or not."""
        return self.attempt_path(number).exists()

    def write(self, number: int, attempt: Attempt) -> None:
        """Keep an attempt, whether it succeeded or not."""
        path = self.attempt_path(number)
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        with partial.open("wb") as file:
            outcome = {"instruction": attempt.instruction, "fallen": attempt.fallen}
            np.savez_compressed(file, **outcome, **attempt.frames)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)

    def read(self, number: int) -> Attempt:
        """What `write` kept."""
        with np.load(self.attempt_path(number)) as file:
            frames = dict(file)
        return Attempt(str(frames.pop("instruction")), bool(frames.pop("fallen")), frames)

    def publish(self) -> None:
        """Put the dataset, which must be finalised, in the place of `root`."""
        if self.root.exists():
            self.root.rename(self._replaced)
        self.dataset.rename(self.root)
        shutil.rmtree(self._replaced, ignore_errors=True)

    def remove(self) -> None:
        """Forget the recording, once its dataset is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def refuse_other_settings(
    file: Path, settings: dict[str, Any], folder: Path, unwritten: dict[str, Any] | None = None
) -> None:
    """Raise a ValueError that names what differs between these settings and those in `file`, if any.

    Args:
        folder: what was recorded, for the message.
        unwritten: settings that a file without them was recorded with.
    """
    if not file.exists():
        return
    wanted, recorded = _flat(settings), _flat((unwritten or {}) | json.loads(file.read_text()))
    different = {key for key in wanted.keys() | recorded.keys() if wanted.get(key) != recorded.get(key)}
    if different:
        what = ", ".join(f"{k}={wanted.get(k)!r} (there: {recorded.get(k)!r})" for k in sorted(different))
        raise ValueError(
            f"{folder} was recorded with other settings: {what}. "
            "Give the same settings, another root, or overwrite=true to start again."
        )


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by the names that the command line gives them: disturbances.scale."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".tmp")
    partial.write_bytes(content)
    partial.rename(path)
