from pathlib import Path

import numpy as np
import pytest

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.envs.traces import Trace, TraceEpisodes, load_traces
from lerobot_anchorvla.sim.experts import make_expert, mode_names

SEED = 100


@pytest.fixture(scope="session")
def env():
    env = Go2SO101Env(image_height=16, image_width=16)
    yield env
    env.close()


@pytest.fixture(scope="session")
def expert_traces(tmp_path_factory, env) -> dict[str, Trace]:
    """One demonstrated episode of each mode of open_drawer, written down by the wrapper."""
    return demonstrate(env, tmp_path_factory.mktemp("drawer_traces"))


@pytest.fixture(scope="session")
def bag_traces(tmp_path_factory) -> dict[str, Trace]:
    """One demonstrated episode of each mode of lift_bag, written down by the wrapper."""
    env = Go2SO101Env(task="lift_bag", image_height=16, image_width=16)
    traces = demonstrate(env, tmp_path_factory.mktemp("bag_traces"))
    env.close()
    return traces


def demonstrate(env: Go2SO101Env, folder: Path) -> dict[str, Trace]:
    traced = TraceEpisodes(env, folder)
    modes = mode_names(env.task)
    for number, mode in enumerate(modes):
        expert = make_expert(env.task, mode)
        observation, _ = traced.reset(seed=SEED + number)
        done = False
        while not done:
            action = expert.act(observation["agent_pos"], observation["environment_state"])
            observation, _, terminated, truncated, _ = traced.step(action.astype(np.float32))
            done = terminated or truncated
    return dict(zip(modes, load_traces(folder), strict=True))
