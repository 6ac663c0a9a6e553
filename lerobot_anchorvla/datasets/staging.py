"""The folder beside a dataset in which a recording grows until the dataset is whole.

    root/                  the dataset: appears by a rename, when it is finalised
    root.recording/
        settings.json      what the recording was asked for
        attempts/*.npz     one demonstration each; an empty file is an attempt that failed
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

    def attempt_path(self, attempt: int) -> Path:
        return self._attempts / f"{attempt:06d}.npz"

    def has(self, attempt: int) -> bool:
        """Whether the attempt was made, with success or not."""
        return self.attempt_path(attempt).exists()

    def write(self, attempt: int, episode: dict[str, np.ndarray] | None) -> None:
        """Keep a demonstration, or note with None that the attempt failed."""
        path = self.attempt_path(attempt)
        partial = path.with_suffix(f".{os.getpid()}.tmp")
        with partial.open("wb") as file:
            if episode is not None:
                np.savez_compressed(file, **episode)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)

    def read(self, attempt: int) -> dict[str, np.ndarray] | None:
        """The demonstration of that attempt, or None when it failed."""
        path = self.attempt_path(attempt)
        if path.stat().st_size == 0:
            return None
        with np.load(path) as episode:
            return dict(episode)

    def publish(self) -> None:
        """Put the dataset, which must be finalised, in the place of `root`."""
        if self.root.exists():
            self.root.rename(self._replaced)
        self.dataset.rename(self.root)
        shutil.rmtree(self._replaced, ignore_errors=True)

    def remove(self) -> None:
        """Forget the recording, once its dataset is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def refuse_other_settings(file: Path, settings: dict[str, Any], folder: Path) -> None:
    """Raise a ValueError that names what differs between these settings and those in `file`, if any."""
    if not file.exists():
        return
    recorded = json.loads(file.read_text())
    different = {key for key in settings.keys() | recorded.keys() if settings.get(key) != recorded.get(key)}
    if different:
        what = ", ".join(f"{k}={settings.get(k)!r} (there: {recorded.get(k)!r})" for k in sorted(different))
        raise ValueError(
            f"{folder} was recorded with other settings: {what}. "
            "Give the same settings, another root, or overwrite=true to start again."
        )


def _write_whole(path: Path, content: bytes) -> None:
    partial = path.with_suffix(".tmp")
    partial.write_bytes(content)
    partial.rename(path)
