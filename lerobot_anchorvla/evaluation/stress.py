"""`anchorvla stress`: one policy a task, executed in shorter and longer chunks, on a base that drifts or not,
with and without the residual correction.

Every recording, training and evaluation is a command of its own. Finished ones are skipped the next time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from lerobot_anchorvla.checks import check_list
from lerobot_anchorvla.commands import Command, Journal, clock
from lerobot_anchorvla.envs.traces import load_traces
from lerobot_anchorvla.evaluation.experiment import (
    EveryTask,
    TwoStageExperiment,
    base_command,
    eval_command,
    record_command,
    residual_command,
    traces_of,
)
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.evaluation.lerobot_outputs import read_eval
from lerobot_anchorvla.evaluation.pages import (
    changed_options,
    command_line,
    markdown_table,
    paragraph,
    world_in_words,
    write_numbers,
    write_page,
)
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.sim.disturbances import DEFAULT_STRENGTHS


@dataclass(kw_only=True)
class StressConfig(EveryTask, TwoStageExperiment):
    """What to record, to train and to evaluate, for one task or for all of them."""

    # Folder for datasets, checkpoints, evaluations and stress.json.
    output_dir: Path = Path("outputs/stress")
    # Markdown page to write the table into. By default stress.md in output_dir.
    page: Path | None = None

    # Executed actions of a chunk (n_action_steps) to evaluate.
    horizons: list[int] = field(default_factory=lambda: [2, 5, 10])
    # Base drift of the disturbed evaluations, in m/s; the others have none.
    drift: float = DEFAULT_STRENGTHS["base_drift"]

    def __post_init__(self) -> None:
        super().__post_init__()
        check_list(self, "horizons", 1)
        if not self.horizons:
            raise ValueError("horizons must hold at least one number of actions, got []")
        if not self.drift > 0:
            raise ValueError(f"drift must be greater than 0, got {self.drift}")

    @property
    def chunk_size(self) -> int:
        """Predicted actions: the policy's default, or more where a horizon needs them."""
        return max(AnchorVLAConfig.chunk_size, *self.horizons)

    @property
    def page_path(self) -> Path:
        """Where the page goes."""
        return self.page or self.output_dir / "stress.md"


@dataclass(frozen=True)
class Condition:
    """One evaluation.

    Attributes:
        horizon: executed actions of a chunk.
        residual: whether each action is corrected.
        drift: whether the base drifts.
    """

    task: str
    horizon: int
    residual: bool
    drift: bool

    @property
    def name(self) -> str:
        parts = [f"{self.horizon}_actions", *["residual"] * self.residual, *["drift"] * self.drift]
        return "_".join(parts)


@dataclass(frozen=True)
class Cell:
    """The result of one evaluation; `falls`: episodes in which the robot fell over."""

    condition: Condition
    rate: Rate
    falls: int

    def __str__(self) -> str:
        return self.rate.brief + (f", {self.falls} fell" if self.falls else "")


def run_stress(config: StressConfig) -> list[Cell]:
    """Records, trains, evaluates, writes stress.json and the page, and prints the table."""
    journal = Journal.open(config.output_dir)
    journal.execute_unfinished(list(stress_commands(config)))
    cells = [_read(config, condition) for condition in conditions(config)]
    write_numbers(config.output_dir / "stress.json", config, cells)
    write_page(config.page_path, markdown_page(config, cells, journal))
    print("\n" + results_table(config, cells))
    return cells


def conditions(config: StressConfig) -> list[Condition]:
    """All evaluations, in order."""
    return [
        Condition(task, horizon, residual, drift)
        for task in config.tasks
        for drift in (False, True)
        for residual in (False, True)
        for horizon in config.horizons
    ]


def stress_commands(config: StressConfig) -> Iterator[Command]:
    """Every command, each after those that it needs."""
    for task in config.tasks:
        of_task, folder = replace(config, task=task), config.output_dir / task
        chunk = {"policy__chunk_size": config.chunk_size}
        record = record_command(of_task, f"{task}_record", folder / "dataset")
        base = base_command(of_task, f"{task}_base", folder / "base", record, **chunk)
        residual = residual_command(of_task, f"{task}_residual", folder / "residual", record, base)
        yield from (record, base, residual)
        for condition in conditions(of_task):
            yield _evaluate(of_task, condition, residual)


def _evaluate(config: StressConfig, condition: Condition, residual: Command) -> Command:
    return eval_command(
        _with_drift(config) if condition.drift else _without_drift(config),
        f"{condition.task}_{condition.name}",
        _eval_folder(config, condition),
        residual,
        image_size=(config.image_size, config.image_size),
        policy__n_action_steps=condition.horizon,
        policy__apply_residual=condition.residual,
    )


def _with_drift(config: StressConfig) -> StressConfig:
    return replace(config, disturbances=replace(config.disturbances, base_drift=config.drift))


def _without_drift(config: StressConfig) -> StressConfig:
    if config.disturbances.strength("base_drift") == 0:
        return config
    return replace(config, disturbances=replace(config.disturbances, base_drift=0.0))


def _eval_folder(config: StressConfig, condition: Condition) -> Path:
    return config.output_dir / condition.task / "evaluate" / condition.name


def _read(config: StressConfig, condition: Condition) -> Cell:
    folder = _eval_folder(config, condition)
    falls = sum(trace.fallen for trace in load_traces(traces_of(folder)))
    return Cell(condition, read_eval(folder).rate, falls)


def results_table(config: StressConfig, cells: list[Cell]) -> str:
    """One line for a task, a base that drifts or not, and a correction or none; one column a horizon."""
    lines: dict[tuple[str, bool, bool], list[str]] = {}
    for cell in cells:
        at = cell.condition
        lines.setdefault((at.task, at.drift, at.residual), []).append(str(cell))
    heads = ["task", "base drift", "residual", *(f"{horizon} actions" for horizon in config.horizons)]
    words = {False: "without", True: "with"}
    rows = [[task, words[drift], words[residual], *row] for (task, drift, residual), row in lines.items()]
    return markdown_table(heads, rows)


def markdown_page(config: StressConfig, cells: list[Cell], journal: Journal) -> str:
    """The page for the docs: what was done, the table, and the command."""
    names = [f"{task}_{step}" for task in config.tasks for step in ("record", "base", "residual")]
    times = ", ".join(f"{name} {clock(journal.runs[name].seconds)}" for name in names)
    defaults = asdict(StressConfig())
    training = paragraph(f"""
        Written by `anchorvla stress`. World: {world_in_words(config)}. For each task, {config.episodes}
        demonstrations were recorded (seed {config.seed}); a base policy with chunks of {config.chunk_size}
        actions was trained on them for {config.steps} steps of {config.batch_size} samples, then its residual
        correction for {config.residual_steps} steps (training seed {config.seed}). The target's pose was
        {"in the state" if config.target_pose else "hidden from the policy"}.
    """)
    evaluation = paragraph(f"""
        Each cell is {config.eval_episodes} held-out episodes of at most {config.episode_length} ticks, with
        environment seeds {config.eval_seeds} in every cell: successes, and Wilson's 95 % interval.
    """)
    return f"""# Stress test: chunk length, base drift and residual correction

{training}

{evaluation}

- Actions: how many of a chunk are executed before the next query (`--policy.n_action_steps`).
- Residual: whether each executed action is corrected (`--policy.apply_residual`).
- Base drift: without, or with {config.drift:g} m/s (`--env.disturbances.base_drift`).

There is one training a task, so the intervals do not hold the spread over training seeds. Where two of them
overlap widely, this table does not tell them apart.

{results_table(config, cells)}

Time (minutes:seconds): {times}.

Again:

```bash
{command_line("stress", **changed_options(asdict(config), defaults))}
```
"""
