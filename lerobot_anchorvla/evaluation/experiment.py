"""What an experiment is made of, and the commands that it runs: record, train, evaluate."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import Command, options
from lerobot_anchorvla.datasets.names import repo_id_of
from lerobot_anchorvla.evaluation.lerobot_outputs import last_checkpoint
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import IMAGE_SIZE
from lerobot_anchorvla.sim.tasks import EPISODE_LENGTH, TASKS

ALL_TASKS = "all"


@dataclass(kw_only=True)
class Experiment(WorldOptions):
    """A world, a training of the policy, and held-out episodes of the same world."""

    # Training steps of the base policy.
    steps: int = 1500
    # Samples in a training step.
    batch_size: int = 64
    # Give the policy the target's pose beside the images. False learns from pixels and proprioception.
    target_pose: bool = True
    # Where to train and to evaluate: cpu, cuda or mps. By default the best that is there.
    device: str | None = None

    # Held-out episodes of every evaluation.
    eval_episodes: int = 50
    # Seed of the first held-out episode; the next ones count up.
    eval_seed: int = 10000
    # Environments that the policy acts in at the same time.
    eval_batch_size: int = 10
    # A held-out episode without success ends after this many ticks (15 a second).
    episode_length: int = EPISODE_LENGTH

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_world()
        check_at_least(self, steps=1, batch_size=1)
        check_at_least(self, eval_episodes=1, eval_batch_size=1, eval_seed=0, episode_length=1)
        if self.eval_episodes % self.eval_batch_size:
            raise ValueError(
                f"eval_episodes={self.eval_episodes} must be a multiple of "
                f"eval_batch_size={self.eval_batch_size}"
            )

    @property
    def eval_seeds(self) -> str:
        """The seeds of the held-out episodes, in words."""
        return f"{self.eval_seed} to {self.eval_seed + self.eval_episodes - 1}"


@dataclass(kw_only=True)
class RecordedExperiment(Experiment):
    """An experiment that records its own demonstrations."""

    # Demonstrations to record.
    episodes: int = 100
    # Seed of the demonstrations and of the training.
    seed: int = 0
    # Height and width of the camera images, in pixels.
    image_size: int = IMAGE_SIZE

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, episodes=1, seed=0, image_size=4)


@dataclass(kw_only=True)
class TwoStageExperiment(RecordedExperiment):
    """An experiment that records its own demonstrations and trains both stages of the policy on them."""

    # Training steps of the residual corrector.
    residual_steps: int = 400

    def __post_init__(self) -> None:
        super().__post_init__()
        check_at_least(self, residual_steps=1)


@dataclass(kw_only=True)
class EveryTask(Experiment):
    """An experiment that can do all tasks, one after the other."""

    # What to do: open_drawer, lift_bag, or all, one after the other.
    task: str = ALL_TASKS

    def check_world(self, prefix: str = "") -> None:
        for task in self.tasks:
            WorldOptions(**(self.world_options() | {"task": task})).check_world(prefix)

    @property
    def tasks(self) -> list[str]:
        """The tasks that are done."""
        return list(TASKS) if self.task == ALL_TASKS else [self.task]


def record_command(experiment: RecordedExperiment, name: str, root: Path) -> Command:
    """Records the demonstrations into `root`."""
    arguments = options(
        **world_arguments(experiment),
        episodes=experiment.episodes,
        seed=experiment.seed,
        image_height=experiment.image_size,
        image_width=experiment.image_size,
        root=root,
        repo_id=repo_id_of(experiment.task),
    )
    unfinished = root.with_name(root.name + ".recording")
    return Command(name, "anchorvla", ("demos", *arguments), (root,), (unfinished,), resumes=True)


def base_command(
    experiment: TwoStageExperiment, name: str, folder: Path, record: Command, **more: Any
) -> Command:
    """Trains the base policy on what `record` has recorded. `more`: as of `train_command`."""
    return train_command(
        experiment,
        name,
        folder,
        policy__type="anchorvla",
        dataset_root=record.outputs[0],
        repo_id=repo_id_of(experiment.task),
        steps=experiment.steps,
        seed=experiment.seed,
        needs=record.name,
        **more,
    )


def residual_command(
    experiment: TwoStageExperiment, name: str, folder: Path, record: Command, base: Command, **more: Any
) -> Command:
    """Trains the residual correction on top of what `base` has trained. `more`: as of `train_command`."""
    return train_command(
        experiment,
        name,
        folder,
        policy__path=last_checkpoint(base.outputs[0]),
        policy__stage="residual",
        dataset_root=record.outputs[0],
        repo_id=repo_id_of(experiment.task),
        steps=experiment.residual_steps,
        seed=experiment.seed,
        needs=base.name,
        **more,
    )


def train_command(
    experiment: Experiment,
    name: str,
    folder: Path,
    *,
    dataset_root: Path,
    repo_id: str,
    steps: int,
    seed: int,
    needs: str | None = None,
    log_freq: int | None = None,
    **policy: Any,
) -> Command:
    """`lerobot-train` with one checkpoint, at the end. `policy`: options of the policy, policy__X=Y."""
    arguments = options(
        **policy,
        policy__use_environment_state=None if experiment.target_pose else False,
        policy__device=experiment.device,
        policy__push_to_hub=False,
        dataset__repo_id=repo_id,
        dataset__root=dataset_root,
        output_dir=folder,
        steps=steps,
        batch_size=experiment.batch_size,
        seed=seed,
        num_workers=1,
        dataloader_multiprocessing_context="fork",
        log_freq=log_freq,
        save_freq=steps,
        env_eval_freq=0,
        wandb__enable=False,
    )
    return Command(name, "lerobot-train", arguments, outputs=(folder,), needs=needs)


def eval_command(
    experiment: Experiment,
    name: str,
    folder: Path,
    train: Command,
    *,
    image_size: tuple[int, int],
    **policy: Any,
) -> Command:
    """`lerobot-eval` of what `train` has trained, with traces in `traces_of(folder)`.

    Args:
        image_size: height and width in pixels.
        policy: options of the policy, policy__X=Y.
    """
    height, width = image_size
    arguments = options(
        policy__path=last_checkpoint(train.outputs[0]),
        **policy,
        policy__device=experiment.device,
        env__type="go2_so101",
        **{f"env__{option}": value for option, value in world_arguments(experiment).items()},
        env__image_height=height,
        env__image_width=width,
        env__episode_length=experiment.episode_length,
        env__trace_dir=traces_of(folder),
        eval__n_episodes=experiment.eval_episodes,
        eval__batch_size=experiment.eval_batch_size,
        eval__use_async_envs=False,  # else each process imports LeRobot and compiles a world first
        seed=experiment.eval_seed,
        output_dir=folder,
    )
    return Command(name, "lerobot-eval", arguments, outputs=(folder,), needs=train.name)


def traces_of(eval_dir: Path) -> Path:
    """Where the episodes of an evaluation are written down."""
    return eval_dir / "traces"


def world_arguments(world: WorldOptions) -> dict[str, Any]:
    """Task, base, and whatever else of the world is not the default, as arguments of `options`.

    The base is always named: the first version knew only the planar one and named none, and what it finished
    must not pass for something else. Disturbances are named by their strengths, for the same reason.
    """
    chosen, default = (
        flat(asdict(each) | {"disturbances": each.disturbances.resolved()})
        for each in (WorldOptions(**world.world_options()), WorldOptions())
    )
    named = ("task", "base")
    return {name: value for name, value in chosen.items() if name in named or value != default[name]}


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by their path, disturbances__scale, as `options` takes them."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}__") if isinstance(value, dict) else {prefix + name: value}
    return found
