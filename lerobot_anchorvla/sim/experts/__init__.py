"""Scripted experts, which show policies how a task is done."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Expert(Protocol):
    """Acts in one mode, without memory: each action follows from what a policy observes on that tick."""

    def act(self, state: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Action (9,), see `ACTION_NAMES`, for a state (9,), see `STATE_NAMES`, and a target (9,)."""


def mode_names(task: str) -> list[str]:
    """The ways in which the task's expert can do it."""
    if task == "open_drawer":
        from lerobot_anchorvla.sim.experts.open_drawer import MODES

        return list(MODES)
    raise ValueError(f"task must be one with an expert: ['open_drawer'], got {task!r}")


def make_expert(task: str, mode: str) -> Expert:
    """The expert for that task, in one of its modes."""
    if mode not in mode_names(task):
        raise ValueError(f"mode must be one of {mode_names(task)}, got {mode!r}")
    from lerobot_anchorvla.sim.experts.open_drawer import OpenDrawerExpert

    return OpenDrawerExpert(mode)
