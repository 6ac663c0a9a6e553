"""Scripted experts, which show policies how a task is done."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np

from lerobot_anchorvla.sim.experts import lift_bag, open_drawer


class Expert(Protocol):
    """Acts in one mode, without memory: each action follows from what a policy observes on that tick."""

    def act(self, state: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Action (9,), see `ACTION_NAMES`, for a state (9,), see `STATE_NAMES`, and a target (9,)."""


_EXPERTS: dict[str, tuple[Iterable[str], Callable[[str], Expert]]] = {
    "open_drawer": (open_drawer.MODES, open_drawer.OpenDrawerExpert),
    "lift_bag": (lift_bag.MODES, lift_bag.LiftBagExpert),
}


def mode_names(task: str) -> list[str]:
    """The ways in which the task's expert can do it."""
    if task not in _EXPERTS:
        raise ValueError(f"task must be one with an expert: {list(_EXPERTS)}, got {task!r}")
    modes, _ = _EXPERTS[task]
    return list(modes)


def make_expert(task: str, mode: str) -> Expert:
    """The expert for that task, in one of its modes."""
    if mode not in mode_names(task):
        raise ValueError(f"mode must be one of {mode_names(task)}, got {mode!r}")
    _, expert = _EXPERTS[task]
    return expert(mode)
