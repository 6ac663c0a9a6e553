"""`anchorvla ablate`: the anchored, gaussian and regression heads on one budget, evaluated side by side.

Every training and every evaluation is one of LeRobot's commands. Finished ones are skipped the next time.
"""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import Command, Journal, clock, options, wrapped
from lerobot_anchorvla.datasets.names import REPO_ID, SETTINGS_FILE
from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig
from lerobot_anchorvla.envs.traces import load_traces
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.evaluation.lerobot_commands import (
    check_evaluation,
    eval_options,
    traces_of,
    train_options,
)
from lerobot_anchorvla.evaluation.lerobot_outputs import image_size, last_checkpoint, read_eval
from lerobot_anchorvla.evaluation.multimodality import UNDECIDED, count_modes
from lerobot_anchorvla.policy.configuration_anchorvla import HEADS, AnchorVLAConfig
from lerobot_anchorvla.policy.schedule import TruncatedSchedule
from lerobot_anchorvla.sim.experts.open_drawer import MODES
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH

DEFAULT_STEPS, DEFAULT_ACTIONS = AnchorVLAConfig.num_inference_steps, AnchorVLAConfig.n_action_steps
"""The policy's own: denoising steps, and executed actions of a chunk."""


@dataclass
class AblationConfig:
    """What to train, how long, and what to evaluate."""

    # The demonstrations, as anchorvla demos records them.
    dataset_root: Path
    # Name of the dataset.
    repo_id: str = REPO_ID
    # Folder for checkpoints, evaluations and ablation.json.
    output_dir: Path = Path("outputs/ablation")
    # Markdown page to write the table into. By default ablation.md in output_dir.
    page: Path | None = None

    # Training steps of every head.
    steps: int = 1200
    # Samples in a training step.
    batch_size: int = 32
    # Seeds of the training: each head is trained once with each.
    seeds: list[int] = field(default_factory=lambda: [0])
    # Where to train and to evaluate: cpu, cuda or mps. By default the best that is there.
    device: str | None = None
    # Give the policy the target's pose beside the images.
    target_pose: bool = True

    # Denoising steps to evaluate the anchored head at.
    anchored_steps: list[int] = field(default_factory=lambda: [1, 2, 5, 10])
    # Denoising steps to evaluate the gaussian head at.
    gaussian_steps: list[int] = field(default_factory=lambda: [2, 5, 10])
    # Executed actions of a chunk to evaluate, beside the policy's default of 5.
    n_action_steps: list[int] = field(default_factory=lambda: [2, 8])

    # Held-out episodes of every evaluation.
    eval_episodes: int = 50
    # Seed of the first one; the next ones count up.
    eval_seed: int = 10000
    # Environments that the policy acts in at the same time.
    eval_batch_size: int = 10
    # An episode without success ends after this many ticks (15 a second).
    episode_length: int = EPISODE_LENGTH

    def __post_init__(self) -> None:
        check_at_least(self, steps=1, batch_size=1)
        check_evaluation(self)
        if not self.seeds:
            raise ValueError("seeds must hold at least one seed, got []")
        whole = AnchorVLAConfig.num_train_timesteps
        truncated = TruncatedSchedule(whole, AnchorVLAConfig.truncation_ratio).truncated_steps
        self._check_list("seeds", 0)
        self._check_list("anchored_steps", 1, truncated)
        self._check_list("gaussian_steps", 1, whole)
        self._check_list("n_action_steps", 1, AnchorVLAConfig.chunk_size)

    def _check_list(self, name: str, least: int, most: int | None = None) -> None:
        values = getattr(self, name)
        allowed = f"at least {least}" if most is None else f"between {least} and {most}"
        if any(value < least or (most is not None and value > most) for value in values):
            raise ValueError(f"{name}: every value must be {allowed}, got {values}")
        if len(set(values)) < len(values):
            raise ValueError(f"{name} must not hold a value twice, got {values}")

    @property
    def page_path(self) -> Path:
        """Where the page goes."""
        return self.page or self.output_dir / "ablation.md"


@dataclass(frozen=True)
class Variant:
    """One row of the table.

    Attributes:
        head: anchored, gaussian or regression.
        num_inference_steps: None where the head has no denoising.
        n_action_steps: executed actions of a chunk; None for the policy's default.
    """

    head: str
    num_inference_steps: int | None
    n_action_steps: int | None = None

    @property
    def name(self) -> str:
        parts = [self.head]
        if self.num_inference_steps is not None:
            parts.append(f"{self.num_inference_steps}_steps")
        if self.n_action_steps is not None:
            parts.append(f"{self.n_action_steps}_actions")
        return "_".join(parts)


@dataclass(frozen=True)
class Row:
    """A variant's result over all training seeds.

    Attributes:
        successes_by_seed: of the trainings, in order.
        modes: how often each mode was taken, over all episodes.
    """

    variant: Variant
    rate: Rate
    successes_by_seed: list[int]
    modes: dict[str, int]
    seconds_per_episode: float


def run_ablation(config: AblationConfig) -> list[Row]:
    """Trains, evaluates, writes ablation.json and the page, and prints the table."""
    if not (config.dataset_root / "meta" / "info.json").exists():
        raise ValueError(
            f"dataset_root={config.dataset_root} holds no LeRobot dataset; record one with "
            f"anchorvla demos --root={config.dataset_root}"
        )
    journal = Journal.open(config.output_dir)
    commands = list(ablation_commands(config))
    for number, command in enumerate(commands, start=1):
        if not journal.is_finished(command):
            print(f"\n[{number} of {len(commands)}]", end="")
            journal.execute(command)
    rows = [_read(config, variant) for variant in variants(config)]
    config.output_dir.joinpath("ablation.json").write_text(
        json.dumps({"config": _plain(config), "rows": [asdict(row) for row in rows]}, indent=2) + "\n"
    )
    config.page_path.parent.mkdir(parents=True, exist_ok=True)
    config.page_path.write_text(markdown_page(config, rows, journal))
    print("\n" + markdown_table(rows, config.seeds))
    return rows


def variants(config: AblationConfig) -> list[Variant]:
    """The rows of the table, in order."""
    of_steps = [
        *(Variant("anchored", steps) for steps in config.anchored_steps),
        *(Variant("gaussian", steps) for steps in config.gaussian_steps),
        Variant("regression", None),
    ]
    of_actions = [
        Variant(head, None if head == "regression" else DEFAULT_STEPS, actions)
        for head in HEADS
        for actions in config.n_action_steps
    ]
    return of_steps + of_actions


def ablation_commands(config: AblationConfig) -> Iterator[Command]:
    """Every command, trainings before their evaluations."""
    for seed in config.seeds:
        for head in HEADS:
            yield _train(config, head, seed)
            for variant in variants(config):
                if variant.head == head:
                    yield _evaluate(config, variant, seed)


def _train(config: AblationConfig, head: str, seed: int) -> Command:
    folder = _train_folder(config, head, seed)
    arguments = train_options(
        policy__type="anchorvla",
        policy__head=head,
        repo_id=config.repo_id,
        dataset_root=config.dataset_root,
        output_dir=folder,
        steps=config.steps,
        batch_size=config.batch_size,
        seed=seed,
        target_pose=config.target_pose,
        device=config.device,
    )
    return Command(folder.name, "lerobot-train", arguments, outputs=(folder,))


def _evaluate(config: AblationConfig, variant: Variant, seed: int) -> Command:
    folder = _eval_folder(config, variant, seed)
    training = _train_folder(config, variant.head, seed)
    arguments = eval_options(
        policy__num_inference_steps=variant.num_inference_steps,
        policy__n_action_steps=variant.n_action_steps,
        checkpoint=last_checkpoint(training),
        output_dir=folder,
        image_size=image_size(config.dataset_root),
        episode_length=config.episode_length,
        episodes=config.eval_episodes,
        batch_size=config.eval_batch_size,
        seed=config.eval_seed,
        device=config.device,
    )
    return Command(folder.name, "lerobot-eval", arguments, outputs=(folder,), needs=training.name)


def _train_folder(config: AblationConfig, head: str, seed: int) -> Path:
    return config.output_dir / f"train_{head}_seed{seed}"


def _eval_folder(config: AblationConfig, variant: Variant, seed: int) -> Path:
    return config.output_dir / f"eval_{variant.name}_seed{seed}"


def _read(config: AblationConfig, variant: Variant) -> Row:
    folders = [_eval_folder(config, variant, seed) for seed in config.seeds]
    results = [read_eval(folder) for folder in folders]
    traces = [trace for folder in folders for trace in load_traces(traces_of(folder))]
    trials = sum(result.rate.trials for result in results)
    modes: Counter[str] = Counter({count.mode: count.episodes for count in count_modes(traces)})
    return Row(
        variant=variant,
        rate=Rate(sum(result.rate.successes for result in results), trials),
        successes_by_seed=[result.rate.successes for result in results],
        modes=dict(modes),
        seconds_per_episode=sum(result.seconds for result in results) / trials,
    )


def markdown_table(rows: Iterable[Row], seeds: list[int]) -> str:
    """One line a variant."""
    lines = [
        "| head | denoising steps | actions executed | success | 95 % interval | by training seed "
        f"({', '.join(map(str, seeds))}) | modes seen (of {len(MODES)}) |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = (100 * end for end in row.rate.interval)
        steps = row.variant.num_inference_steps or "none"
        actions = row.variant.n_action_steps or DEFAULT_ACTIONS
        seen = sum(count > 0 for mode, count in row.modes.items() if mode != UNDECIDED)
        lines.append(
            f"| {row.variant.head} | {steps} | {actions} | {row.rate.successes} of "
            f"{row.rate.trials} | {low:.0f} to {high:.0f} % | {', '.join(map(str, row.successes_by_seed))} "
            f"| {seen} |"
        )
    return "\n".join(lines)


def markdown_page(config: AblationConfig, rows: list[Row], journal: Journal) -> str:
    """The page for the docs: what was done, the table, and the commands."""
    training = [f"train_{head}_seed{seed}" for seed in config.seeds for head in HEADS]
    times = ", ".join(f"{name} {clock(journal.runs[name].seconds)}" for name in training)
    eval_seeds = f"{config.eval_seed} to {config.eval_seed + config.eval_episodes - 1}"
    seeds = ",".join(map(str, config.seeds))
    return f"""# Ablation: what the anchors do

Written by `anchorvla ablate`. Each head was trained on the same demonstrations for {config.steps} steps of
{config.batch_size} samples, with training seeds {seeds}, and evaluated on {config.eval_episodes} held-out
episodes of `open_drawer` a training seed (environment seeds {eval_seeds}, the same ones for every training
seed and every variant). Intervals are Wilson's over all episodes, as if each were drawn anew; where two of
them overlap widely, this table does not tell the variants apart. "Modes seen" counts those of the expert's
{len(MODES)} modes that were taken at least once.

{markdown_table(rows, config.seeds)}

Episodes by mode, by variant:

{_modes_table(rows)}

Training time (minutes:seconds): {times}.

Again:

```bash
{_again(config)}
```
"""


def _again(config: AblationConfig) -> str:
    """The commands that lead to this page; paths of this machine are replaced by the demo's."""
    dataset = Path("outputs/demo/dataset") if config.dataset_root.is_absolute() else config.dataset_root
    lines = []
    recorded = config.dataset_root / SETTINGS_FILE
    if recorded.exists():
        changed = _changed(json.loads(recorded.read_text()), DemosConfig().settings)
        lines.append(shlex.join(["anchorvla", "demos", *options(root=dataset, **changed)]))
    changed = _changed(vars(config), vars(AblationConfig(dataset)))
    changed.pop("dataset_root", None)
    changed = {key: value for key, value in changed.items() if not Path(str(value)).is_absolute()}
    lines.append(shlex.join(["anchorvla", "ablate", *options(dataset_root=dataset, **changed)]))
    return "\n".join(map(wrapped, lines))


def _changed(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The values that are not the defaults; lists without blanks."""
    changed = {key: value for key, value in values.items() if value != defaults.get(key)}
    return {key: str(v).replace(" ", "") if isinstance(v, list) else v for key, v in changed.items()}


def _modes_table(rows: list[Row]) -> str:
    modes = list(dict.fromkeys(mode for row in rows for mode in row.modes))
    lines = ["| variant | " + " | ".join(modes) + " |", "|---" * (len(modes) + 1) + "|"]
    for row in rows:
        counts = " | ".join(str(row.modes.get(mode, 0)) for mode in modes)
        lines.append(f"| {row.variant.name.replace('_', ' ')} | {counts} |")
    return "\n".join(lines)


def _plain(config: AblationConfig) -> dict[str, object]:
    return {name: str(value) if isinstance(value, Path) else value for name, value in asdict(config).items()}
