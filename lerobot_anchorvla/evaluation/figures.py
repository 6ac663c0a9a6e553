"""Makes the report's pictures from a checkpoint and from traced episodes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lerobot_anchorvla.envs.traces import Trace
from lerobot_anchorvla.evaluation import plots
from lerobot_anchorvla.evaluation.paths import Camera, Paths, chunk_paths
from lerobot_anchorvla.evaluation.replay import film_strip, replay
from lerobot_anchorvla.evaluation.views import View

if TYPE_CHECKING:
    from lerobot_anchorvla.agent import AnchorVLAAgent, RawCandidates
    from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
    from lerobot_anchorvla.sim.world import World

STRIP_FRAMES = 5
FRONT_SIZE = (480, 640)
_REACHING = (0.12, 0.80)  # from the grasp point to the target when a decision is drawn [m]


@dataclass(frozen=True)
class Decision:
    """One query of a policy, drawn: as PNG and SVG files.

    Attributes:
        front: in the robot's own front camera.
        behind: from over the robot's shoulder.
        scores: of the candidates.
        probabilities: shape (M,).
    """

    front: bytes
    behind: bytes
    scores: bytes
    probabilities: np.ndarray


def draw_strip(env: Go2SO101Env, trace: Trace) -> bytes:
    """A film strip of one episode, JPEG."""
    return plots.strip(film_strip(env, trace, STRIP_FRAMES, strip_view(env, trace)))


def strip_view(env: Go2SO101Env, trace: Trace) -> View:
    """From the robot's right, of the way from where it starts to its target."""
    env.reset(seed=trace.seed)
    robot = env.world.base.pose(env.world.data)[:2]
    way = env.world.task.target(env.world.data)[0][:2] - robot
    x, y = robot + 0.42 * way
    azimuth = 62 + float(np.rad2deg(np.arctan2(way[1], way[0])))
    return View(target=(x, y, 0.28), azimuth=azimuth, elevation=-18, distance=2.1, height=270, width=360)


def draw_vocabulary(agent: AnchorVLAAgent) -> bytes | None:
    """The anchors as ways, SVG; None where the head has none."""
    vocabulary = agent.policy.vocabulary
    if vocabulary is None:
        return None
    paths = [chunk_paths(chunk, np.zeros(3)) for chunk in agent.to_raw_actions(vocabulary.anchors)]
    return plots.vocabulary(paths, vocabulary.counts.cpu().numpy())


def draw_decision(env: Go2SO101Env, agent: AnchorVLAAgent, trace: Trace) -> Decision:
    """All candidates on the tick of the episode at which the policy was least sure, while it reached."""
    ticks = _reaching_ticks(trace)
    candidates = {}
    for tick, observation in enumerate(replay(env, trace)):
        if tick in ticks:
            agent.instruction = env.task_description
            candidates[tick] = agent.candidates(observation)
    unsure = min(candidates, key=lambda tick: float(candidates[tick].probabilities.max()))
    for tick, _ in enumerate(replay(env, trace)):
        if tick == unsure:
            return _draw_candidates(env, candidates[unsure])
    raise AssertionError("an episode has the tick that it was drawn from")


def _reaching_ticks(trace: Trace) -> set[int]:
    distance = np.linalg.norm(trace.targets[:, 5:8], axis=1)
    near, far = _REACHING
    ticks = np.flatnonzero((distance > near) & (distance < far))
    return set(ticks.tolist()) or {int(distance.argmin())}


def _draw_candidates(env: Go2SO101Env, candidates: RawCandidates) -> Decision:
    world = env.world
    paths = [_path_from_here(world, chunk) for chunk in candidates.chunks]

    def draw(image: np.ndarray, camera: Camera) -> bytes:
        return plots.candidates_in_image(image, camera, paths, candidates.probabilities, candidates.chosen)

    shoulder = _shoulder_view(world)
    return Decision(
        front=draw(world.render("front", *FRONT_SIZE).copy(), Camera.of_world(world, "front", *FRONT_SIZE)),
        behind=draw(shoulder.render(world), shoulder.camera(world)),
        scores=plots.scores(candidates.probabilities, candidates.chosen),
        probabilities=candidates.probabilities,
    )


def _shoulder_view(world: World) -> View:
    x, y, yaw = world.base.pose(world.data)
    ahead = (x + 0.43 * float(np.cos(yaw)), y + 0.43 * float(np.sin(yaw)), 0.2)
    azimuth = 35 + float(np.rad2deg(yaw))
    return View(ahead, azimuth=azimuth, elevation=-34, distance=1.25, height=480, width=640)


def _path_from_here(world: World, chunk: np.ndarray) -> Paths:
    """The way of a chunk, beginning where the robot is now."""
    now = np.concatenate([world.true_state()[:6], np.zeros(3)])
    height = float(world.data.body("base").xpos[2])
    return chunk_paths(np.vstack([now, chunk]), world.base.pose(world.data), height)


def query_seconds(agent: AnchorVLAAgent, observation: dict[str, Any], repeats: int = 20) -> float:
    """Median time of one query: observation in, a new chunk's first action out, with a batch of one."""
    seconds = []
    for _ in range(repeats):
        agent.reset()
        start = time.perf_counter()
        agent.act(observation)
        seconds.append(time.perf_counter() - start)
    agent.reset()
    return float(np.median(seconds))
