"""One attempt at a demonstration in the embedded world: drawn, simulated and rendered from two numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lerobot_anchorvla.datasets.action_bursts import ActionBursts
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


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt, over T ticks.

    Attributes:
        instruction: what the robot was told to do.
        fallen: whether the robot fell over.
        frames: `state`, `target` and `action` (T, 9) float32, and one array of images (T, H, W, 3) uint8 a
            camera: row t holds the observation of tick t and the action that the expert wanted on it. Empty
            where the expert failed.
    """

    instruction: str
    fallen: bool
    frames: dict[str, np.ndarray]

    @property
    def success(self) -> bool:
        return bool(self.frames)


def plan_episode(task: str, seed: int, attempt: int) -> EpisodePlan:
    """The plan of attempt number `attempt` in a recording with that seed."""
    rng = np.random.default_rng([seed, attempt])
    modes = mode_names(task)
    return EpisodePlan(mode=modes[rng.integers(len(modes))], seed=int(rng.integers(2**31)))


def simulate_episode(env: Go2SO101Env, plan: EpisodePlan) -> Attempt:
    """Run the expert; now and then the robot executes something else than it wants."""
    expert = make_expert(env.task, plan.mode)
    bursts = ActionBursts(np.random.default_rng([plan.seed, 1]))  # not the stream that draws the world
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
        executed = checked_action(bursts.apply(action)).astype(np.float32)
        observation, _, terminated, truncated, info = env.step(executed)
        ended = terminated or truncated
    frames = {key: np.stack(values) for key, values in rows.items()} if info["is_success"] else {}
    return Attempt(env.task_description, info["fallen"], frames)
