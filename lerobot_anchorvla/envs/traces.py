"""What happened in an episode, written down so that it can be counted and shown again.

The embedded world is deterministic: a seed and the actions give back the whole episode, from any camera.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np


@dataclass(frozen=True)
class Trace:
    """One finished episode of T ticks.

    Attributes:
        seed: that the environment was reset with.
        success: whether the task was completed.
        states: shape (T, 9), the robot before each action, without errors of measurement; see `STATE_NAMES`.
        targets: shape (T, 9), the target then, without errors of measurement; see `TARGET_NAMES`.
        actions: shape (T, 9), see `ACTION_NAMES`.
        fallen: whether the robot fell over.
    """

    seed: int
    success: bool
    states: np.ndarray
    targets: np.ndarray
    actions: np.ndarray
    fallen: bool = False

    def save(self, folder: Path) -> Path:
        """Writes `episode_<seed>.npz` into the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"episode_{self.seed}.npz"
        np.savez_compressed(
            path,
            seed=self.seed,
            success=self.success,
            states=self.states,
            targets=self.targets,
            actions=self.actions,
            fallen=self.fallen,
        )
        return path

    @classmethod
    def load(cls, path: Path) -> Trace:
        """Reads what `save` wrote."""
        with np.load(path) as file:
            return cls(
                seed=int(file["seed"]),
                success=bool(file["success"]),
                states=file["states"],
                targets=file["targets"],
                actions=file["actions"],
                fallen=bool(file.get("fallen", False)),  # the first version's robot could not fall
            )


def load_traces(folder: Path) -> list[Trace]:
    """All traces of a folder, by seed."""
    return sorted((Trace.load(path) for path in folder.glob("episode_*.npz")), key=lambda trace: trace.seed)


class TraceEpisodes(gym.Wrapper):
    """Writes a `Trace` of every episode that comes to its end after a reset with a seed.

    Args:
        env: an environment over the embedded world.
        folder: where the traces go.
    """

    def __init__(self, env: gym.Env, folder: str | Path) -> None:
        super().__init__(env)
        self._folder = Path(folder)
        self._seed: int | None = None
        self._rows: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        self._seed, self._rows = seed, []
        return self.env.reset(seed=seed, options=options)

    def step(self, action: np.ndarray) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        world = self.env.unwrapped.world  # type: ignore[attr-defined]
        self._rows.append((world.true_state(), world.true_target(), np.array(action)))
        result = self.env.step(action)
        _, _, terminated, truncated, info = result
        if (terminated or truncated) and self._seed is not None:
            states, targets, actions = (np.stack(column) for column in zip(*self._rows, strict=True))
            success, fallen = bool(info["is_success"]), bool(info["fallen"])
            Trace(self._seed, success, states, targets, actions, fallen).save(self._folder)
            self._seed = None
        return result
