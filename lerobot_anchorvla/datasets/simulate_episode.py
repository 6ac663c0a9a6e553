"""One demonstration in the embedded world: drawn, simulated and rendered from two numbers."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.datasets.disturbance import Disturbance
from lerobot_anchorvla.sim.experts import make_expert, mode_names
from lerobot_anchorvla.sim.signals import CAMERAS, checked_action

if TYPE_CHECKING:
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env


@dataclass(frozen=True)
class EpisodePlan:
    """What one attempt does; a function of the recording's seed and of the attempt's number alone.

    Attributes:
        mode: the way in which the expert does the task.
        seed: of the environment.
    """

    mode: str
    seed: int


def plan_episode(task: str, seed: int, attempt: int) -> EpisodePlan:
    """The plan of attempt number `attempt` in a recording with that seed."""
    rng = np.random.default_rng([seed, attempt])
    modes = mode_names(task)
    return EpisodePlan(mode=modes[rng.integers(len(modes))], seed=int(rng.integers(2**31)))


def simulate_episode(
    task: str, plan: EpisodePlan, image_height: int, image_width: int
) -> dict[str, np.ndarray] | None:
    """Run the expert, disturbed now and then; None when it fails.

    Returns:
        `state`, `target` and `action` (T, 9) float32, and one array of images (T, H, W, 3) uint8 a camera.
        Row t holds the observation of tick t and the action that the expert wanted on it.
    """
    env = _environment(task, image_height, image_width)
    expert = make_expert(task, plan.mode)
    disturbance = Disturbance(np.random.default_rng(plan.seed))
    rows: dict[str, list[np.ndarray]] = {key: [] for key in ("state", "target", "action", *CAMERAS)}
    observation, info = env.reset(seed=plan.seed)
    ended = False
    while not ended:
        state, target = observation["agent_pos"], observation["environment_state"]
        action = checked_action(expert.act(state, target)).astype(np.float32)
        for key, value in (("state", state), ("target", target), ("action", action)):
            rows[key].append(value)
        for camera in CAMERAS:
            rows[camera].append(observation["pixels"][camera])
        executed = checked_action(disturbance.apply(action)).astype(np.float32)
        observation, _, terminated, truncated, info = env.step(executed)
        ended = terminated or truncated
    return {key: np.stack(values) for key, values in rows.items()} if info["is_success"] else None


@functools.lru_cache(maxsize=1)
def _environment(task: str, image_height: int, image_width: int) -> Go2SO101Env:
    """One environment a process, so that the model is compiled and a renderer opened only once."""
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env

    return Go2SO101Env(task=task, image_height=image_height, image_width=image_width)
