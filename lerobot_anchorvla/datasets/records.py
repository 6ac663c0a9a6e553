"""What a dataset says of its own recording, beside LeRobot's metadata, and the report made of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from lerobot_anchorvla.datasets.names import ATTEMPTS_FILE, EPISODES_FILE, SETTINGS_FILE
from lerobot_anchorvla.datasets.simulate_episode import plan_episode


class _Record:
    """One line of a file, in JSON."""

    @classmethod
    def read(cls, file: Path) -> list[Self]:
        """All lines of a file; what a line holds beside the fields is left out."""
        names = [each.name for each in fields(cls)]  # type: ignore[arg-type]
        lines = map(json.loads, file.read_text().splitlines())
        return [cls(**{name: line[name] for name in names}) for line in lines]


@dataclass(frozen=True)
class EpisodeRecord(_Record):
    """A demonstration that was kept.

    Attributes:
        episode_index: in the dataset.
        attempt: its number.
        mode: of the expert.
        seed: of the environment.
        length: in ticks.
    """

    episode_index: int
    attempt: int
    mode: str
    seed: int
    length: int


@dataclass(frozen=True)
class AttemptRecord(_Record):
    """A demonstration that was tried.

    Attributes:
        attempt: its number.
        mode: of the expert.
        seed: of the environment.
        success: whether it was kept.
        fallen: whether the robot fell over.
    """

    attempt: int
    mode: str
    seed: int
    success: bool
    fallen: bool


@dataclass
class DemosReport:
    """What was recorded.

    Attributes:
        root: folder of the dataset.
        episodes, frames: kept.
        attempts: demonstrations tried, kept or not.
        falls: attempts in which the robot fell over.
        modes: kept episodes by mode.
        attempted_modes: attempts by mode.
        seconds: wall-clock time of this call.
    """

    root: Path
    episodes: int = 0
    frames: int = 0
    attempts: int = 0
    falls: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    attempted_modes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @classmethod
    def of(cls, root: Path, episodes: list[EpisodeRecord], attempts: list[AttemptRecord]) -> DemosReport:
        return cls(
            root=root,
            episodes=len(episodes),
            frames=sum(episode.length for episode in episodes),
            attempts=len(attempts),
            falls=sum(attempt.fallen for attempt in attempts),
            modes=Counter(episode.mode for episode in episodes),
            attempted_modes=Counter(attempt.mode for attempt in attempts),
        )

    def __str__(self) -> str:
        modes = ", ".join(
            f"{mode} {self.modes[mode]} of {count}" for mode, count in sorted(self.attempted_modes.items())
        )
        return (
            f"{self.episodes} episodes ({self.frames} frames) of {self.attempts} attempts "
            f"({self.falls} falls) in {self.root}, {self.seconds:.0f} s; kept of attempted by mode: {modes}"
        )


def write_metadata(
    folder: Path,
    settings: dict[str, Any],
    episodes: list[EpisodeRecord],
    attempts: list[AttemptRecord],
) -> None:
    """Write into a dataset how it was recorded."""
    files: dict[Path, Sequence[Any]] = {EPISODES_FILE: episodes, ATTEMPTS_FILE: attempts}
    for file, records in files.items():
        (folder / file).write_text("".join(json.dumps(asdict(record)) + "\n" for record in records))
    (folder / SETTINGS_FILE).write_text(json.dumps(settings, indent=2) + "\n")


def read_report(root: Path, task: str, seed: int) -> DemosReport:
    """The report of a complete dataset of that task, recorded with that seed."""
    episodes = EpisodeRecord.read(root / EPISODES_FILE)
    if (root / ATTEMPTS_FILE).exists():
        return DemosReport.of(root, episodes, AttemptRecord.read(root / ATTEMPTS_FILE))
    # A dataset of the first version, whose robot could not fall: the attempts follow from their numbers.
    kept = {episode.attempt for episode in episodes}
    plans = [plan_episode(task, seed, number) for number in range(max(kept) + 1)]
    attempts = [AttemptRecord(i, plan.mode, plan.seed, i in kept, False) for i, plan in enumerate(plans)]
    return DemosReport.of(root, episodes, attempts)
