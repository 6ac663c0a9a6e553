"""`anchorvla ablate`: the anchored, gaussian and regression heads on one budget, evaluated side by side.

Every training and every evaluation is one of LeRobot's commands. Finished ones are skipped the next time.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_list
from lerobot_anchorvla.commands import Command, Journal, clock
from lerobot_anchorvla.datasets.names import REPO_ID, SETTINGS_FILE, repo_id_of
from lerobot_anchorvla.datasets.record_demonstrations import FIRST_VERSION, DemosConfig
from lerobot_anchorvla.envs.traces import load_traces
from lerobot_anchorvla.evaluation.experiment import Experiment, eval_command, traces_of, train_command
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.evaluation.lerobot_outputs import image_size, read_eval
from lerobot_anchorvla.evaluation.multimodality import UNDECIDED, count_modes
from lerobot_anchorvla.evaluation.pages import (
    changed_options,
    command_line,
    markdown_table,
    world_in_words,
    write_numbers,
    write_page,
)
from lerobot_anchorvla.policy.configuration_anchorvla import HEADS, AnchorVLAConfig
from lerobot_anchorvla.policy.schedule import TruncatedSchedule
from lerobot_anchorvla.sim.experts import mode_names

DEFAULT_STEPS, DEFAULT_ACTIONS = AnchorVLAConfig.num_inference_steps, AnchorVLAConfig.n_action_steps
"""The policy's own: denoising steps, and executed actions of a chunk."""


@dataclass(kw_only=True)
class AblationConfig(Experiment):
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
    # Seeds of the training: each head is trained once with each.
    seeds: list[int] = field(default_factory=lambda: [0])
    # Denoising steps to evaluate the anchored head at.
    anchored_steps: list[int] = field(default_factory=lambda: [1, 2, 5, 10])
    # Denoising steps to evaluate the gaussian head at.
    gaussian_steps: list[int] = field(default_factory=lambda: [2, 5, 10])
    # Executed actions of a chunk to evaluate, beside the policy's default of 5.
    n_action_steps: list[int] = field(default_factory=lambda: [2, 8])

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.seeds:
            raise ValueError("seeds must hold at least one seed, got []")
        whole = AnchorVLAConfig.num_train_timesteps
        truncated = TruncatedSchedule(whole, AnchorVLAConfig.truncation_ratio).truncated_steps
        check_list(self, "seeds", 0)
        check_list(self, "anchored_steps", 1, truncated)
        check_list(self, "gaussian_steps", 1, whole)
        check_list(self, "n_action_steps", 1, AnchorVLAConfig.chunk_size)

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
    _check_dataset(config)
    journal = Journal.open(config.output_dir)
    journal.execute_unfinished(list(ablation_commands(config)))
    rows = [_read(config, variant) for variant in variants(config)]
    write_numbers(config.output_dir / "ablation.json", config, rows)
    write_page(config.page_path, markdown_page(config, rows, journal))
    print("\n" + results_table(config, rows))
    return rows


def _check_dataset(config: AblationConfig) -> None:
    if not (config.dataset_root / "meta" / "info.json").exists():
        raise ValueError(
            f"dataset_root={config.dataset_root} holds no LeRobot dataset; record one with "
            f"anchorvla demos --root={config.dataset_root}"
        )
    recorded = _recorded(config)
    for name in ("task", "base", "level"):
        if name in recorded and recorded[name] != getattr(config, name):
            raise ValueError(
                f"{name}={getattr(config, name)!r} is not that of dataset_root={config.dataset_root}, which "
                f"was recorded with {recorded[name]!r}; give --{name}={recorded[name]}"
            )


def _recorded(config: AblationConfig) -> dict[str, Any]:
    """The settings that the demonstrations were recorded with; empty for a dataset from elsewhere."""
    path = config.dataset_root / SETTINGS_FILE
    return FIRST_VERSION | json.loads(path.read_text()) if path.exists() else {}


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
            train = _train(config, head, seed)
            yield train
            for variant in variants(config):
                if variant.head == head:
                    yield _evaluate(config, variant, seed, train)


def _train(config: AblationConfig, head: str, seed: int) -> Command:
    folder = config.output_dir / f"train_{head}_seed{seed}"
    return train_command(
        config,
        folder.name,
        folder,
        policy__type="anchorvla",
        policy__head=head,
        dataset_root=config.dataset_root,
        repo_id=config.repo_id,
        steps=config.steps,
        seed=seed,
    )


def _evaluate(config: AblationConfig, variant: Variant, seed: int, train: Command) -> Command:
    folder = _eval_folder(config, variant, seed)
    return eval_command(
        config,
        folder.name,
        folder,
        train,
        image_size=image_size(config.dataset_root),
        policy__num_inference_steps=variant.num_inference_steps,
        policy__n_action_steps=variant.n_action_steps,
    )


def _eval_folder(config: AblationConfig, variant: Variant, seed: int) -> Path:
    return config.output_dir / f"eval_{variant.name}_seed{seed}"


def _read(config: AblationConfig, variant: Variant) -> Row:
    folders = [_eval_folder(config, variant, seed) for seed in config.seeds]
    results = [read_eval(folder) for folder in folders]
    traces = [trace for folder in folders for trace in load_traces(traces_of(folder))]
    trials = sum(result.rate.trials for result in results)
    modes: Counter[str] = Counter({count.mode: count.episodes for count in count_modes(traces, config.task)})
    return Row(
        variant=variant,
        rate=Rate(sum(result.rate.successes for result in results), trials),
        successes_by_seed=[result.rate.successes for result in results],
        modes=dict(modes),
        seconds_per_episode=sum(result.seconds for result in results) / trials,
    )


def results_table(config: AblationConfig, rows: Iterable[Row]) -> str:
    """One line a variant."""
    seeds = ", ".join(map(str, config.seeds))
    heads = ["head", "denoising steps", "actions executed", "success", "95 % interval"]
    heads += [f"by training seed ({seeds})", f"modes seen (of {len(mode_names(config.task))})"]
    return markdown_table(heads, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    low, high = (100 * end for end in row.rate.interval)
    return [
        row.variant.head,
        str(row.variant.num_inference_steps or "none"),
        str(row.variant.n_action_steps or DEFAULT_ACTIONS),
        f"{row.rate.successes} of {row.rate.trials}",
        f"{low:.0f} to {high:.0f} %",
        ", ".join(map(str, row.successes_by_seed)),
        str(sum(count > 0 for mode, count in row.modes.items() if mode != UNDECIDED)),
    ]


def markdown_page(config: AblationConfig, rows: list[Row], journal: Journal) -> str:
    """The page for the docs: what was done, the table, and the commands."""
    training = [f"train_{head}_seed{seed}" for seed in config.seeds for head in HEADS]
    times = ", ".join(f"{name} {clock(journal.runs[name].seconds)}" for name in training)
    seeds = ",".join(map(str, config.seeds))
    return f"""# Ablation: what the anchors do

Written by `anchorvla ablate`. Each head was trained on the same demonstrations for {config.steps} steps of
{config.batch_size} samples, with training seeds {seeds}, and evaluated on {config.eval_episodes} held-out
episodes of `{config.task}` ({world_in_words(config)}) a training seed (environment seeds {config.eval_seeds},
the same ones for every training seed and every variant). Intervals are Wilson's over all episodes, as if each
were drawn anew; where two of them overlap widely, this table does not tell the variants apart. "Modes seen"
counts those of the expert's {len(mode_names(config.task))} modes that were taken at least once.

{results_table(config, rows)}

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
    if recorded := _recorded(config):
        defaults = DemosConfig().settings | {"repo_id": repo_id_of(recorded["task"])}
        lines.append(command_line("demos", root=dataset, **changed_options(recorded, defaults)))
    config = replace(config, dataset_root=dataset)
    changed = changed_options(asdict(config), asdict(AblationConfig(dataset_root=dataset)))
    lines.append(command_line("ablate", dataset_root=dataset, **changed))
    return "\n".join(lines)


def _modes_table(rows: list[Row]) -> str:
    modes = list(dict.fromkeys(mode for row in rows for mode in row.modes))
    counts = [[str(row.modes.get(mode, 0)) for mode in modes] for row in rows]
    names = [row.variant.name.replace("_", " ") for row in rows]
    return markdown_table(
        ["variant", *modes], [[name, *count] for name, count in zip(names, counts, strict=True)]
    )
