"""`anchorvla demo`: demonstrations, both stages of training, evaluation and a report, start to end.

Every step is a command that can be run alone; the demo only runs them in order and remembers what is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import Command, Journal, options
from lerobot_anchorvla.datasets.names import REPO_ID
from lerobot_anchorvla.evaluation.lerobot_commands import (
    check_evaluation,
    eval_options,
    traces_of,
    train_options,
)
from lerobot_anchorvla.evaluation.lerobot_outputs import last_checkpoint
from lerobot_anchorvla.evaluation.report import (
    Evaluated,
    ReportInputs,
    ShownCommand,
    Trained,
    write_report,
)
from lerobot_anchorvla.sim.signals import IMAGE_SIZE
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH, TASKS

STEPS = ("record", "train", "residual", "evaluate", "report")


@dataclass
class DemoConfig:
    """Record, train, evaluate and report. Finished steps are skipped when it is run again."""

    # Folder for everything: dataset, checkpoints, logs and report.html.
    output_dir: Path = Path("outputs/demo")
    # Run only this step, even if it is finished: record, train, residual, evaluate or report.
    step: str | None = None
    # Run every step again, finished or not.
    force: bool = False

    # Demonstrations to record.
    episodes: int = 100
    # Seed of the demonstrations and of the training.
    seed: int = 0
    # Height and width of the camera images, in pixels.
    image_size: int = IMAGE_SIZE
    # Give the policy the target's pose beside the images. False learns from pixels and proprioception.
    target_pose: bool = True

    # Training steps of the base policy.
    steps: int = 1500
    # Training steps of the residual corrector.
    residual_steps: int = 400
    # Samples in a training step.
    batch_size: int = 32
    # Training steps between two points of the learning curve.
    log_freq: int = 20
    # Where to train and to evaluate: cpu, cuda or mps. By default the best that is there.
    device: str | None = None

    # Held-out episodes to evaluate on.
    eval_episodes: int = 50
    # Seed of the first one; the next ones count up.
    eval_seed: int = 10000
    # Environments that the policy acts in at the same time.
    eval_batch_size: int = 10
    # An episode without success ends after this many ticks (15 a second).
    episode_length: int = EPISODE_LENGTH

    def __post_init__(self) -> None:
        if self.step is not None and self.step not in STEPS:
            raise ValueError(f"step must be one of {list(STEPS)}, got {self.step!r}")
        check_at_least(self, episodes=1, seed=0, image_size=4)
        check_at_least(self, steps=1, residual_steps=1, batch_size=1, log_freq=1)
        if self.log_freq > min(self.steps, self.residual_steps):
            raise ValueError(
                f"log_freq={self.log_freq} leaves no point of the learning curve; it must not exceed "
                f"steps={self.steps} nor residual_steps={self.residual_steps}"
            )
        check_evaluation(self)

    @property
    def dataset_root(self) -> Path:
        return self.output_dir / "dataset"

    @property
    def base(self) -> Path:
        """Checkpoint of stage one."""
        return last_checkpoint(self.output_dir / "train")

    @property
    def corrected(self) -> Path:
        """Checkpoint of stage two."""
        return last_checkpoint(self.output_dir / "residual")

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
    base, sampled, residual = (evaluated.folder for evaluated in config.evaluated())
    return {
        "record": [_record(config)],
        "train": [_train(config, "train", config.steps, needs="record", policy__type="anchorvla")],
        "residual": [
            _train(
                config,
                "residual",
                config.residual_steps,
                needs="train",
                policy__path=config.base,
                policy__stage="residual",
            )
        ],
        "evaluate": [
            _evaluate(config, "evaluate_base", config.base, base, needs="train"),
            _evaluate(
                config, "evaluate_sampled", config.base, sampled, needs="train", policy__selection="sample"
            ),
            _evaluate(config, "evaluate_residual", config.corrected, residual, needs="residual"),
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
            task=TASKS["open_drawer"],
            dataset_root=config.dataset_root,
            checkpoint=config.base,
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


def _record(config: DemoConfig) -> Command:
    arguments = options(
        task="open_drawer",
        episodes=config.episodes,
        seed=config.seed,
        image_height=config.image_size,
        image_width=config.image_size,
        root=config.dataset_root,
        repo_id=REPO_ID,
    )
    root = config.dataset_root
    unfinished = root.with_name(root.name + ".recording")
    return Command("record", "anchorvla", ("demos", *arguments), (root,), (unfinished,), resumes=True)


def _train(config: DemoConfig, name: str, steps: int, needs: str, **policy: object) -> Command:
    folder = config.output_dir / name
    arguments = train_options(
        **policy,
        repo_id=REPO_ID,
        dataset_root=config.dataset_root,
        output_dir=folder,
        steps=steps,
        batch_size=config.batch_size,
        seed=config.seed,
        target_pose=config.target_pose,
        device=config.device,
        log_freq=config.log_freq,
    )
    return Command(name, "lerobot-train", arguments, outputs=(folder,), needs=needs)


def _evaluate(
    config: DemoConfig, name: str, checkpoint: Path, folder: Path, needs: str, **policy: object
) -> Command:
    arguments = eval_options(
        **policy,
        checkpoint=checkpoint,
        output_dir=folder,
        image_size=(config.image_size, config.image_size),
        episode_length=config.episode_length,
        episodes=config.eval_episodes,
        batch_size=config.eval_batch_size,
        seed=config.eval_seed,
        device=config.device,
    )
    return Command(name, "lerobot-eval", arguments, outputs=(folder,), needs=needs)
