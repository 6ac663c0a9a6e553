"""Shows a traced episode again: the embedded world is deterministic."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from lerobot_anchorvla.envs.traces import Trace
from lerobot_anchorvla.evaluation.views import View

if TYPE_CHECKING:
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env


def replay(env: Go2SO101Env, trace: Trace) -> Iterator[dict[str, Any]]:
    """Yields the observation before each action of the trace, with the environment in that very state.

    Raises:
        RuntimeError: if the episode does not repeat itself, for example in another version of the world.
    """
    observation, info = env.reset(seed=trace.seed)
    for action in trace.actions:
        yield observation
        observation, _, _, _, info = env.step(action)
    if bool(info["is_success"]) != trace.success:
        raise RuntimeError(
            f"the episode of seed {trace.seed} does not repeat itself; evaluate again with this version of "
            "the embedded world, and with the same settings of the environment"
        )


def film_strip(env: Go2SO101Env, trace: Trace, frames: int, view: View) -> list[np.ndarray]:
    """`frames` pictures, evenly spaced over the episode."""
    ticks = set(np.linspace(0, len(trace.actions) - 1, frames).round().astype(int).tolist())
    return [view.render(env.world) for tick, _ in enumerate(replay(env, trace)) if tick in ticks]
