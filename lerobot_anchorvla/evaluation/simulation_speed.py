"""`anchorvla bench-sim`: how fast the embedded world runs on this machine, and what takes the time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.evaluation.pages import markdown_table, write_page
from lerobot_anchorvla.evaluation.stopwatch import Stopwatch
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.experts import make_expert, mode_names
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import ARM_REST, CAMERAS, CONTROL_HZ, IMAGE_SIZE, check_image_size
from lerobot_anchorvla.sim.world import World

CIRCLE = np.array([*ARM_REST, 0.3, 0.0, 0.6])  # an action: the robot walks in circles, arm folded
PARTS = ("physics", "base", "rendering", "expert")
"""What takes the time of an episode. "base" is what drives it: on the legged base, the gait network."""


@dataclass(kw_only=True)
class SimulationSpeedConfig:
    """What to measure, and how long."""

    # Task whose furniture and expert are measured.
    task: str = WorldOptions.task
    # How much differs between episodes of the task.
    level: str = WorldOptions.level
    # Bases to measure.
    bases: list[str] = field(default_factory=lambda: list(BASES))
    # Image sizes: a number of pixels for square images, or WIDTHxHEIGHT.
    sizes: list[str] = field(default_factory=lambda: ["64", "96", "128", "224", "640x480"])
    # Seconds of each measurement.
    seconds: float = 2.0
    # Markdown page to write the tables into. By default none.
    page: Path | None = None

    def __post_init__(self) -> None:
        if not self.bases:
            raise ValueError("bases must hold at least one base, got []")
        for base in self.bases:
            WorldOptions(task=self.task, base=base, level=self.level).check_world()
        for size in self.sizes:
            image_shape(size)
        if self.seconds <= 0:
            raise ValueError(f"seconds must be greater than 0, got {self.seconds}")


def image_shape(size: str) -> tuple[int, int]:
    """Height and width in pixels of a size such as "64" or "640x480"."""
    sides = size.split("x")
    if len(sides) > 2 or not all(side.isdecimal() for side in sides):
        raise ValueError(f"sizes: every value must be PIXELS or WIDTHxHEIGHT, got {size!r}")
    height, width = int(sides[-1]), int(sides[0])
    check_image_size(height, width, f"sizes: {size!r}: ")
    return height, width


@dataclass(frozen=True)
class PhysicsSpeed:
    """Of one base that walks in circles, without images.

    Attributes:
        steps_per_second: physics steps in a second of physics.
        ticks_per_second: control ticks in a second, physics and what drives the base together.
    """

    base: str
    steps_per_second: float
    ticks_per_second: float

    @property
    def times_real_time(self) -> float:
        return self.ticks_per_second / CONTROL_HZ


@dataclass(frozen=True)
class FrameSpeed:
    """Frames per second of one image size, by camera."""

    size: str
    by_camera: dict[str, float]

    @property
    def times_real_time(self) -> float:
        """Of rendering alone: one frame of every camera on each tick."""
        return 1 / sum(1 / speed for speed in self.by_camera.values()) / CONTROL_HZ


@dataclass(frozen=True)
class EpisodeTime:
    """Where the time of one demonstration went.

    Attributes:
        ticks: of the episode.
        seconds: in all.
        shares: of the time, by name in `PARTS`; "rest" is what is left.
    """

    base: str
    ticks: int
    seconds: float
    shares: dict[str, float]

    @property
    def times_real_time(self) -> float:
        return self.ticks / CONTROL_HZ / self.seconds


@dataclass(frozen=True)
class SimulationSpeed:
    """All measurements of one run.

    Attributes:
        cpu_share: seconds of CPU for a second of measuring: well below 1 where other programs took the rest,
            or where a GPU renders.
    """

    physics: list[PhysicsSpeed]
    frames: list[FrameSpeed]
    episodes: list[EpisodeTime]
    cpu_share: float


def measure_simulation_speed(config: SimulationSpeedConfig) -> SimulationSpeed:
    """Measures everything, prints the tables and writes the page."""
    start, cpu_start = time.perf_counter(), time.process_time()
    physics, frames, episodes = [], [], []
    with tqdm(total=2 * len(config.bases) + len(config.sizes), desc="measuring") as bar:
        for base in config.bases:
            physics.append(measure_physics(_options(config, base), config.seconds))
            bar.update()
            episodes.append(measure_episode(_options(config, base)))
            bar.update()
        world = World(_options(config, config.bases[0]))
        world.reset(np.random.default_rng(0))
        for size in config.sizes:
            frames.append(measure_frames(world, size, config.seconds))
            bar.update()
        world.close()
    cpu_share = (time.process_time() - cpu_start) / (time.perf_counter() - start)
    speed = SimulationSpeed(physics, frames, episodes, cpu_share)
    report = markdown_report(config, speed)
    print("\n" + report)
    if config.page is not None:
        write_page(config.page, f"# Speed of the embedded world\n\n{report}\n")
    return speed


def _options(config: SimulationSpeedConfig, base: str) -> WorldOptions:
    return WorldOptions(task=config.task, base=base, level=config.level)


def measure_physics(options: WorldOptions, seconds: float) -> PhysicsSpeed:
    """The robot walks in circles for that long."""
    world, watch = World(options), Stopwatch()
    world.reset(np.random.default_rng(0))
    world.step(CIRCLE)
    watch.attach("physics", world, "step")
    watch.attach("base", world.base, "drive")
    ticks, passed = _repeat(lambda: world.step(CIRCLE), seconds)
    steps = ticks / CONTROL_HZ / world.base.timestep
    return PhysicsSpeed(options.base, steps / watch.seconds["physics"], ticks / passed)


def measure_frames(world: World, size: str, seconds: float) -> FrameSpeed:
    """Every camera renders the same scene over and over, for that long."""
    height, width = image_shape(size)
    by_camera = {}
    for camera in CAMERAS:
        world.render(camera, height, width)  # the first frame opens the renderer
        frames, passed = _repeat(partial(world.render, camera, height, width), seconds)
        by_camera[camera] = frames / passed
    return FrameSpeed(size, by_camera)


def measure_episode(options: WorldOptions) -> EpisodeTime:
    """The expert does the task once, with both cameras at the default size."""
    env, watch = Go2SO101Env(**options.world_options()), Stopwatch()
    expert = make_expert(options.task, mode_names(options.task)[0])
    env.reset(seed=0)  # opens the renderer
    for part, owner, method in (
        ("physics", env.world, "reset"),
        ("physics", env.world, "step"),
        ("base", env.world.base, "drive"),
        ("rendering", env.world, "render"),
        ("expert", expert, "act"),
    ):
        watch.attach(part, owner, method)
    start, ticks, ended = time.perf_counter(), 0, False
    observation, _ = env.reset(seed=0)
    while not ended:
        action = expert.act(observation["agent_pos"], observation["environment_state"])
        observation, _, terminated, truncated, _ = env.step(action)
        ended, ticks = terminated or truncated, ticks + 1
    seconds = time.perf_counter() - start
    env.close()
    shares = {part: watch.seconds[part] / seconds for part in PARTS}
    return EpisodeTime(options.base, ticks, seconds, shares | {"rest": 1 - sum(shares.values())})


def _repeat(function: Callable[[], object], seconds: float) -> tuple[int, float]:
    """Calls the function for that long; how often, and how long it took."""
    start, calls = time.perf_counter(), 0
    while (passed := time.perf_counter() - start) < seconds or calls == 0:
        function()
        calls += 1
    return calls, passed


def markdown_report(config: SimulationSpeedConfig, speed: SimulationSpeed) -> str:
    """The tables, and what they were measured on."""
    return f"""Task `{config.task}`, level {config.level}, {config.seconds:g} s a measurement, on a machine
with {os.cpu_count()} CPU cores, of which the process had {speed.cpu_share:.2f} while it measured.
In real time a control tick lasts 1/{CONTROL_HZ} s.

Physics of a robot that walks in circles, without images:

{_physics_table(speed.physics)}

Frames per second of one camera, by size in pixels:

{_frames_table(speed.frames)}

What took the time of one demonstration with {len(CAMERAS)} cameras of {IMAGE_SIZE} pixels. "Base" is what
drives it: on the legged base, the gait network. Physics includes the reset.

{_episodes_table(speed.episodes)}"""


def _physics_table(speeds: list[PhysicsSpeed]) -> str:
    rows = []
    for each in speeds:
        numbers = f"{each.steps_per_second:,.0f}", f"{each.ticks_per_second:,.0f}"
        rows.append([each.base, *numbers, f"{each.times_real_time:.1f}"])
    return markdown_table(["base", "physics steps per second", "ticks per second", "times real time"], rows)


def _frames_table(speeds: list[FrameSpeed]) -> str:
    rows = []
    for each in speeds:
        frames = [f"{each.by_camera[camera]:.0f}" for camera in CAMERAS]
        rows.append([each.size, *frames, f"{each.times_real_time:.1f}"])
    return markdown_table(["size", *CAMERAS, "one frame of each on every tick, times real time"], rows)


def _episodes_table(times: list[EpisodeTime]) -> str:
    rows = []
    for each in times:
        shares = [f"{100 * share:.0f} %" for share in each.shares.values()]
        rows.append([each.base, str(each.ticks), f"{each.times_real_time:.1f}", *shares])
    return markdown_table(["base", "ticks", "times real time", *PARTS, "rest"], rows)
