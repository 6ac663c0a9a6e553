"""Film strips of what the scripted expert does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.envs.traces import Trace
from lerobot_anchorvla.evaluation.figures import draw_strip
from lerobot_anchorvla.sim.experts import make_expert

if TYPE_CHECKING:
    from lerobot_anchorvla.evaluation.experts import ExpertsConfig


def draw_expert_strips(config: ExpertsConfig, folder: Path) -> list[Path]:
    """Writes TASK_MODE.jpg into the folder, which may be new, for the first planned episode of each mode."""
    folder.mkdir(parents=True, exist_ok=True)
    env = Go2SO101Env(episode_length=config.episode_length, **config.world_options())
    first = {mode: seed for seed, mode in reversed(config.plan)}
    written = []
    for mode, seed in tqdm(sorted(first.items(), key=lambda each: each[1]), unit="strip", desc="drawing"):
        path = folder / f"{config.task}_{mode}.jpg"
        path.write_bytes(draw_strip(env, expert_trace(env, seed, mode)))
        written.append(path)
    env.close()
    return written


def expert_trace(env: Go2SO101Env, seed: int, mode: str) -> Trace:
    """One episode in the hands of the expert."""
    world = env.world
    env.reset(seed=seed)
    expert = make_expert(env.task, mode)
    states, targets, actions = [], [], []
    ended = False
    while not ended:
        states.append(world.true_state())
        targets.append(world.true_target())
        actions.append(expert.act(world.state(), world.target()))
        _, _, terminated, truncated, info = env.step(actions[-1])
        ended = terminated or truncated
    success, fallen = bool(info["is_success"]), bool(info["fallen"])
    return Trace(seed, success, np.stack(states), np.stack(targets), np.stack(actions), fallen)
