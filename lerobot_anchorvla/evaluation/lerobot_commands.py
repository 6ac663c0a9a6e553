"""The options with which LeRobot trains and evaluates here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.commands import options


def train_options(
    *,
    repo_id: str,
    dataset_root: Path,
    output_dir: Path,
    steps: int,
    batch_size: int,
    seed: int,
    target_pose: bool,
    device: str | None,
    log_freq: int | None = None,
    **policy: Any,
) -> tuple[str, ...]:
    """Of `lerobot-train` with one checkpoint, at the end. `policy`: options of the policy, policy__X=Y."""
    return options(
        **policy,
        policy__use_environment_state=None if target_pose else False,
        policy__device=device,
        policy__push_to_hub=False,
        dataset__repo_id=repo_id,
        dataset__root=dataset_root,
        output_dir=output_dir,
        steps=steps,
        batch_size=batch_size,
        seed=seed,
        num_workers=1,
        dataloader_multiprocessing_context="fork",
        log_freq=log_freq,
        save_freq=steps,
        env_eval_freq=0,
        wandb__enable=False,
    )


def eval_options(
    *,
    checkpoint: Path,
    output_dir: Path,
    image_size: tuple[int, int],
    episode_length: int,
    episodes: int,
    batch_size: int,
    seed: int,
    device: str | None,
    **policy: Any,
) -> tuple[str, ...]:
    """Of `lerobot-eval` with traces in `traces_of(output_dir)`. `image_size`: height and width in pixels."""
    height, width = image_size
    return options(
        policy__path=checkpoint,
        **policy,
        policy__device=device,
        env__type="go2_so101",
        env__task="open_drawer",
        env__image_height=height,
        env__image_width=width,
        env__episode_length=episode_length,
        env__trace_dir=traces_of(output_dir),
        eval__n_episodes=episodes,
        eval__batch_size=batch_size,
        eval__use_async_envs=False,  # else each process imports LeRobot and compiles a world first
        seed=seed,
        output_dir=output_dir,
    )


def traces_of(eval_dir: Path) -> Path:
    """Where the episodes of an evaluation are written down."""
    return eval_dir / "traces"


def check_evaluation(config: Any) -> None:
    """Checks the fields eval_episodes, eval_batch_size, eval_seed and episode_length of a configuration."""
    check_at_least(config, eval_episodes=1, eval_batch_size=1, eval_seed=0, episode_length=1)
    if config.eval_episodes % config.eval_batch_size:
        raise ValueError(
            f"eval_episodes={config.eval_episodes} must be a multiple of "
            f"eval_batch_size={config.eval_batch_size}"
        )
