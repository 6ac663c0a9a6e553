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
from lerobot_anchorvla.sim.experts import lift_bag, mode_names, open_drawer
from lerobot_anchorvla.sim.signals import CONTROL_HZ

UNDECIDED = "undecided"
"""The task was never got going, so that there is no way to name."""

_PULL_STARTS, _PULL_ENDS = 0.01, 0.11  # opening of the drawer [m]
_LIFTED = 0.01  # height of the bag at which it is off the floor for certain [m]
_WALKED = 0.3  # share of the opening that the base makes when it does the work; 0 to 0.06 when the arm does


@dataclass(frozen=True)
class ModeCount:
    """How often a way was taken, and how often with success."""

    mode: str
    episodes: int
    successes: int


def mode_of(trace: Trace, task: str) -> str:
    """The mode of one episode, named as the expert's: a name in `mode_names(task)`, or `UNDECIDED`."""
    return {"open_drawer": _open_drawer_mode, "lift_bag": _lift_bag_mode}[task](trace)


def _open_drawer_mode(trace: Trace) -> str:
    """The side, and the pull: how far the base goes while the drawer opens."""
    opening = trace.targets[:, 8]
    if opening.max() < _PULL_ENDS:
        return UNDECIDED
    start, end = int(np.argmax(opening > _PULL_STARTS)), int(np.argmax(opening > _PULL_ENDS))
    side = _side(trace, start, open_drawer.SIDE_ANGLE)
    walked = np.linalg.norm(trace.states[start:end, 6:8].sum(axis=0)) / CONTROL_HZ
    pull = "base" if walked > _WALKED * (opening[end] - opening[start]) else "arm"
    return next(mode.name for mode in open_drawer.MODES.values() if (mode.side, mode.pull) == (side, pull))


def _lift_bag_mode(trace: Trace) -> str:
    height = trace.targets[:, 8]
    if height.max() < _LIFTED:
        return UNDECIDED
    side = _side(trace, int(np.argmax(height > _LIFTED)), lift_bag.SIDE_ANGLE)
    return next(name for name, each in lift_bag.MODES.items() if each == side)


def _side(trace: Trace, tick: int, angle: float) -> int:
    """From where the robot came, by the heading at which it stands: -1 right, 0 straight, +1 left."""
    turn = np.arctan2(trace.targets[tick, 4], trace.targets[tick, 3])
    return int(np.clip(np.round(turn / angle), -1, 1))


def count_modes(traces: Iterable[Trace], task: str) -> list[ModeCount]:
    """One row a mode, in the order of `mode_names(task)`; `UNDECIDED` last, where there is any."""
    found = [(mode_of(trace, task), trace.success) for trace in traces]
    episodes = Counter(mode for mode, _ in found)
    successes = Counter(mode for mode, success in found if success)
    names = [*mode_names(task), UNDECIDED] if episodes[UNDECIDED] else mode_names(task)
    return [ModeCount(name, episodes[name], successes[name]) for name in names]


def demonstrated_modes(dataset_root: Path) -> Counter[str]:
    """How often each mode was demonstrated, from the dataset's own episode metadata."""
    lines = (dataset_root / EPISODES_FILE).read_text().splitlines()
    return Counter(json.loads(line)["mode"] for line in lines)
