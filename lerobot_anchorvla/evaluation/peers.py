"""`anchorvla peers`: LeRobot's act and diffusion beside anchorvla, on the same demonstrations of each level.

All of them get the robot's state and the target's pose and no image: a CPU then trains them within minutes,
and it is the acting that is compared, not the seeing. Every recording, training and evaluation is a command
of its own. Finished ones are skipped the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import Command, Journal, clock, options
from lerobot_anchorvla.datasets.names import repo_id_of
from lerobot_anchorvla.evaluation.experiment import (
    EveryTask,
    RecordedExperiment,
    eval_command,
    record_command,
    train_command,
)
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.evaluation.lerobot_outputs import read_eval
from lerobot_anchorvla.evaluation.pages import (
    changed_options,
    command_line,
    markdown_table,
    paragraph,
    write_numbers,
    write_page,
)
from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.signals import CAMERAS

BLIND_REPO_ID = "local/go2_so101_blind"
"""Name of the demonstrations without images."""

EXECUTED_ACTIONS = 5
"""Of every chunk, by every policy."""

POLICIES: dict[str, dict[str, Any]] = {
    "anchorvla": {},
    "act": {
        "chunk_size": 10,
        "dim_model": 256,
        "dim_feedforward": 1024,
        "n_encoder_layers": 2,
        "n_vae_encoder_layers": 2,
        "optimizer_lr": 1e-4,
    },
    "diffusion": {
        "horizon": 16,
        "down_dims": "[64,128,256]",
        "noise_scheduler_type": "DDIM",
        "num_inference_steps": 10,
        "optimizer_lr": 3e-4,
        "scheduler_warmup_steps": 200,
    },
}
"""Options of each policy; the peers are made small enough for a CPU, with learning rates to match."""


@dataclass(kw_only=True)
class PeersConfig(EveryTask, RecordedExperiment):
    """What to record, to train and to evaluate."""

    # Folder for datasets, checkpoints, evaluations and peers.json.
    output_dir: Path = Path("outputs/peers")
    # Markdown page to write the table into. By default peers.md in output_dir.
    page: Path | None = None

    # Levels to compare the policies at.
    levels: list[str] = field(default_factory=lambda: ["moved", "hard"])
    # Height and width of the recorded images, in pixels; no policy looks at them here.
    image_size: int = 16
    # Training steps of anchorvla.
    steps: int = 2500
    # Training steps of act; the table shows the time that each training took.
    act_steps: int = 4000
    # Training steps of diffusion.
    diffusion_steps: int = 2500

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, act_steps=1, diffusion_steps=1)
        if not self.target_pose:
            raise ValueError("target_pose must be true: without images the policies have nothing else to see")
        if self.level != PeersConfig.level:
            raise ValueError(f"level={self.level} has no effect here: give levels=[{self.level}]")
        if not self.levels or len(set(self.levels)) < len(self.levels) or set(self.levels) - set(LEVELS):
            raise ValueError(f"levels must hold different ones of {list(LEVELS)}, got {self.levels}")

    def steps_of(self, policy: str) -> int:
        """Training steps of a policy."""
        return {"anchorvla": self.steps, "act": self.act_steps, "diffusion": self.diffusion_steps}[policy]

    @property
    def page_path(self) -> Path:
        """Where the page goes."""
        return self.page or self.output_dir / "peers.md"


@dataclass(frozen=True)
class PeerResult:
    """One policy on one level of one task; `train_seconds`: wall time of the training command."""

    task: str
    level: str
    policy: str
    rate: Rate
    train_seconds: float


def run_peers(config: PeersConfig) -> list[PeerResult]:
    """Records, trains, evaluates, writes peers.json and the page, and prints the table."""
    journal = Journal.open(config.output_dir)
    journal.execute_unfinished(list(peers_commands(config)))
    results = [_read(config, journal, world, policy) for world in worlds(config) for policy in POLICIES]
    write_numbers(config.output_dir / "peers.json", config, results)
    write_page(config.page_path, markdown_page(config, results))
    print("\n" + results_table(results))
    return results


def worlds(config: PeersConfig) -> Iterator[RecordedExperiment]:
    """One experiment a task and level, in order."""
    shared = {each.name: getattr(config, each.name) for each in fields(RecordedExperiment)}
    for task in config.tasks:
        for level in config.levels:
            yield RecordedExperiment(**(shared | {"task": task, "level": level}))


def peers_commands(config: PeersConfig) -> Iterator[Command]:
    """Every command, each after those that it needs."""
    for world in worlds(config):
        folder, name = _folder(config, world), f"{world.task}_{world.level}"
        record = record_command(world, f"{name}_record", folder / "dataset")
        blind = _without_images(world, f"{name}_blind", folder / "blind", record)
        yield from (record, blind)
        for policy, options_of_policy in POLICIES.items():
            train = train_command(
                world,
                f"{name}_{policy}_train",
                folder / policy / "train",
                policy__type=policy,
                policy__n_action_steps=EXECUTED_ACTIONS,
                **{f"policy__{option}": value for option, value in options_of_policy.items()},
                dataset_root=blind.outputs[0],
                repo_id=BLIND_REPO_ID,
                steps=config.steps_of(policy),
                seed=config.seed,
                needs=blind.name,
            )
            size = (config.image_size, config.image_size)
            evaluated = folder / policy / "evaluate"
            yield train
            yield eval_command(world, f"{name}_{policy}_evaluate", evaluated, train, image_size=size)


def _without_images(world: RecordedExperiment, name: str, folder: Path, record: Command) -> Command:
    """LeRobot's own command, which copies a dataset without some of its features."""
    arguments = options(
        repo_id=repo_id_of(world.task),
        root=record.outputs[0],
        new_repo_id=BLIND_REPO_ID,
        new_root=folder,
        operation__type="remove_feature",
        operation__feature_names=str([f"observation.images.{camera}" for camera in CAMERAS]),
    )
    return Command(name, "lerobot-edit-dataset", arguments, (folder,), needs=record.name)


def _folder(config: PeersConfig, world: RecordedExperiment) -> Path:
    return config.output_dir / world.task / world.level


def _read(config: PeersConfig, journal: Journal, world: RecordedExperiment, policy: str) -> PeerResult:
    rate = read_eval(_folder(config, world) / policy / "evaluate").rate
    train = journal.runs[f"{world.task}_{world.level}_{policy}_train"]
    return PeerResult(world.task, world.level, policy, rate, train.seconds)


def results_table(results: list[PeerResult]) -> str:
    """One line a task and level, one column a policy, with the time of its training."""
    lines: dict[tuple[str, str], list[str]] = {}
    for each in results:
        cell = f"{each.rate.brief}, {clock(each.train_seconds)}"
        lines.setdefault((each.task, each.level), []).append(cell)
    return markdown_table(["task", "level", *POLICIES], [[*at, *cells] for at, cells in lines.items()])


def markdown_page(config: PeersConfig, results: list[PeerResult]) -> str:
    """The page for the docs: what was done, the table, and the command."""
    settings = "\n".join(
        f"- `{policy}`: {config.steps_of(policy)} steps"
        + "".join(f", `{option}={value}`" for option, value in chosen.items())
        for policy, chosen in POLICIES.items()
    )
    introduction = paragraph(f"""
        Written by `anchorvla peers`. For each task and level, {config.episodes} demonstrations were recorded
        on the {config.base} base (seed {config.seed}; the command below names all that is not the default),
        and LeRobot trained three policies on them in batches of {config.batch_size} (seed {config.seed}), one
        training each. They see the robot's state and the target's pose and no image, and execute
        {EXECUTED_ACTIONS} actions of every chunk; anchorvla has no residual stage here. Each cell is
        {config.eval_episodes} held-out episodes of at most {config.episode_length} ticks (seeds
        {config.eval_seeds}): successes, Wilson's 95 % interval, and the minutes:seconds that the training
        took.
    """)
    command = command_line("peers", **changed_options(asdict(config), asdict(PeersConfig())))
    return f"""# Peers: LeRobot's act and diffusion on the same demonstrations

{introduction}

{settings}

{results_table(results)}

Again:

```bash
{command}
```
"""
