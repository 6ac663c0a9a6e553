"""`anchorvla demo`: demonstrations, both stages of training, evaluation and a report, start to end.

Every step is a command that can be run alone; the demo only runs them in order and remembers what is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import Command, Journal
from lerobot_anchorvla.evaluation.experiment import (
    TwoStageExperiment,
    base_command,
    eval_command,
    record_command,
    residual_command,
    traces_of,
)
from lerobot_anchorvla.evaluation.lerobot_outputs import last_checkpoint
from lerobot_anchorvla.evaluation.report import (
    Evaluated,
    ReportInputs,
    ShownCommand,
    Trained,
    write_report,
)
from lerobot_anchorvla.sim.options import WorldOptions

STEPS = ("record", "train", "residual", "evaluate", "report")


@dataclass(kw_only=True)
class DemoConfig(TwoStageExperiment):
    """Record, train, evaluate and report. Finished steps are skipped when it is run again.

    A step whose options have changed is run again, in place of what was there: give another output_dir to
    keep both.
    """

    # Folder for everything: dataset, checkpoints, logs and report.html.
    output_dir: Path = Path("outputs/demo")
    # Run only this step, even if it is finished: record, train, residual, evaluate or report.
    step: str | None = None
    # Run every step again, finished or not.
    force: bool = False
    # Training steps between two points of the learning curve.
    log_freq: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.step is not None and self.step not in STEPS:
            raise ValueError(f"step must be one of {list(STEPS)}, got {self.step!r}")
        check_at_least(self, log_freq=1)
        if self.log_freq > min(self.steps, self.residual_steps):
            raise ValueError(
                f"log_freq={self.log_freq} leaves no point of the learning curve; it must not exceed "
                f"steps={self.steps} nor residual_steps={self.residual_steps}"
            )

    @property
    def dataset_root(self) -> Path:
        return self.output_dir / "dataset"

    def evaluated(self) -> list[Evaluated]:
        """The evaluations and where they are."""
        titles = {
            "base": "Base policy",
            "sampled": "Base policy, drawn by score",
            "residual": "With residual correction",
        }
        folders = {name: self.output_dir / "evaluate" / name for name in titles}
        return [Evaluated(titles[name], folder, traces_of(folder)) for name, folder in folders.items()]


TITLES = {
    "record": "Record demonstrations",
    "train": "Train the base policy",
    "residual": "Train the residual correction",
    "evaluate_base": "Evaluate the base policy",
    "evaluate_sampled": "Evaluate the base policy with candidates drawn by score",
    "evaluate_residual": "Evaluate with residual correction",
}


def demo_commands(config: DemoConfig) -> dict[str, list[Command]]:
    """The commands of each step but the report."""
    record = record_command(config, "record", config.dataset_root)
    base = base_command(config, "train", config.output_dir / "train", record, log_freq=config.log_freq)
    residual = residual_command(
        config, "residual", config.output_dir / "residual", record, base, log_freq=config.log_freq
    )
    folders = [evaluated.folder for evaluated in config.evaluated()]

    def evaluate(name: str, folder: Path, train: Command, **policy: object) -> Command:
        size = (config.image_size, config.image_size)
        return eval_command(config, name, folder, train, image_size=size, **policy)

    return {
        "record": [record],
        "train": [base],
        "residual": [residual],
        "evaluate": [
            evaluate("evaluate_base", folders[0], base),
            evaluate("evaluate_sampled", folders[1], base, policy__selection="sample"),
            evaluate("evaluate_residual", folders[2], residual),
        ],
    }


def run_demo(config: DemoConfig) -> None:
    """Runs the steps that are not finished, or the one that is asked for."""
    journal = Journal.open(config.output_dir)
    for step, commands in demo_commands(config).items():
        if config.step not in (None, step):
            continue
        for command in commands:
            if config.force or config.step == step or not journal.is_finished(command):
                journal.execute(command)
            else:
                print(f"{command.name}: done before; --force=true or --step={step} runs it again")
    if config.step in (None, "report"):
        print("\nWriting the report", flush=True)
        print(f"Open {write_demo_report(config, journal).resolve()}")


def write_demo_report(config: DemoConfig, journal: Journal) -> Path:
    """Writes the report from what the steps have left.

    Raises:
        ValueError: if a step is missing.
    """
    commands = [command for step in demo_commands(config).values() for command in step]
    missing = [command.name for command in commands if not journal.is_finished(command)]
    if missing:
        raise ValueError(f"the report needs {', '.join(missing)} first; run anchorvla demo without --step")
    return write_report(
        ReportInputs(
            world=WorldOptions(**config.world_options()),
            dataset_root=config.dataset_root,
            checkpoint=last_checkpoint(config.output_dir / "train"),
            env={
                "image_height": config.image_size,
                "image_width": config.image_size,
                "episode_length": config.episode_length,
            },
            trained=[
                Trained("Base policy", journal.log("train")),
                Trained("Residual correction", journal.log("residual")),
            ],
            log_freq=config.log_freq,
            evaluated=config.evaluated(),
            commands=[
                ShownCommand(TITLES[command.name], str(command), journal.runs[command.name].seconds)
                for command in commands
            ],
        ),
        config.output_dir,
    )
