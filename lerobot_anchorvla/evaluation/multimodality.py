"""Which of several ways was taken: success and mode counts, side by side."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lerobot_anchorvla.datasets.names import EPISODES_FILE
from lerobot_anchorvla.envs.traces import Trace
from lerobot_anchorvla.sim.experts.open_drawer import MODES, SIDE_ANGLE
from lerobot_anchorvla.sim.signals import CONTROL_HZ

UNDECIDED = "undecided"
"""The drawer was never pulled, so that there is no way to name."""

_PULL_STARTS, _PULL_ENDS = 0.01, 0.11  # opening of the drawer [m]
_WALKED = 0.3  # share of the opening that the base makes when it does the work; 0 to 0.06 when the arm does


@dataclass(frozen=True)
class ModeCount:
    """How often a way was taken, and how often with success."""

    mode: str
    episodes: int
    successes: int


def open_drawer_mode(trace: Trace) -> str:
    """The mode of one episode of open_drawer, named as the expert's: a name in `MODES`, or `UNDECIDED`.

    The side is read from the heading at which the robot stands when the drawer begins to move. The pull is
    read from how far the base goes while the drawer opens.
    """
    opening = trace.targets[:, 8]
    if opening.max() < _PULL_ENDS:
        return UNDECIDED
    start, end = int(np.argmax(opening > _PULL_STARTS)), int(np.argmax(opening > _PULL_ENDS))
    turn = np.arctan2(trace.targets[start, 4], trace.targets[start, 3])
    side = int(np.clip(np.round(turn / SIDE_ANGLE), -1, 1))
    walked = np.linalg.norm(trace.states[start:end, 6:8].sum(axis=0)) / CONTROL_HZ
    pull = "base" if walked > _WALKED * (opening[end] - opening[start]) else "arm"
    return next(mode.name for mode in MODES.values() if (mode.side, mode.pull) == (side, pull))


def count_modes(traces: Iterable[Trace]) -> list[ModeCount]:
    """One row a mode, in the order of `MODES`; `UNDECIDED` last, where there is any."""
    found = [(open_drawer_mode(trace), trace.success) for trace in traces]
    episodes = Counter(mode for mode, _ in found)
    successes = Counter(mode for mode, success in found if success)
    names = [*MODES, UNDECIDED] if episodes[UNDECIDED] else list(MODES)
    return [ModeCount(name, episodes[name], successes[name]) for name in names]


def demonstrated_modes(dataset_root: Path) -> Counter[str]:
    """How often each mode was demonstrated, from the dataset's own episode metadata."""
    lines = (dataset_root / EPISODES_FILE).read_text().splitlines()
    return Counter(json.loads(line)["mode"] for line in lines)
