"""`anchorvla scores`: do the scores tell which anchor the demonstrator followed?

The paper selects by the scores of the last denoising step; the score head is trained on noised anchors, which
is what the first step sees. This measures both on the frames of a dataset.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lerobot.utils.constants import ACTION

from lerobot_anchorvla.agent import AnchorVLAAgent
from lerobot_anchorvla.checks import check_at_least
from lerobot_anchorvla.datasets.names import REPO_ID
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.policy.action_head import AnchoredHead
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy


@dataclass
class ScoresConfig:
    """Which checkpoint to measure, and on which frames."""

    # The checkpoint's pretrained_model folder.
    policy_path: Path
    # Folder of the dataset.
    dataset_root: Path
    # Name of the dataset.
    repo_id: str = REPO_ID
    # Frames to draw from the dataset.
    frames: int = 600
    # Seed of the draw and of the start noise.
    seed: int = 0
    # Denoising steps; by default as the checkpoint has it.
    num_inference_steps: int | None = None
    # Frames at a time.
    batch_size: int = 50

    def __post_init__(self) -> None:
        check_at_least(self, frames=1, batch_size=1)


@dataclass(frozen=True)
class ScoreQuality:
    """Of the scores that one denoising step gives.

    Attributes:
        hits: how often the highest score is the positive anchor's.
        probability_sum: over a frame's anchors, of sigma(s), on average; 1 where they are calibrated.
    """

    hits: Rate
    probability_sum: float

    def __str__(self) -> str:
        hits = f"highest score is the positive anchor's: {self.hits}"
        return f"{hits}; probabilities sum to {self.probability_sum:.2f}"


def evaluate_scores(config: ScoresConfig) -> dict[str, ScoreQuality]:
    """Measures and prints the scores of the first and of the last denoising step."""
    overrides: dict[str, Any] = {"inference_seed": config.seed}
    if config.num_inference_steps is not None:
        overrides["num_inference_steps"] = config.num_inference_steps
    agent = AnchorVLAAgent.from_pretrained(config.policy_path, **overrides)
    batches = list(_batches(config, agent))
    quality = {step: score_quality(agent.policy, batches, step) for step in ("first", "last")}
    for step, measured in quality.items():
        print(f"{step} of {agent.policy.config.num_inference_steps} denoising steps: {measured}")
    return quality


@torch.inference_mode()
def score_quality(policy: AnchorVLAPolicy, batches: Iterable[dict[str, Any]], step: str) -> ScoreQuality:
    """The quality of the scores of the `first` or the `last` denoising step.

    Args:
        batches: preprocessed, with the demonstrated `action` (B, H, A).

    Raises:
        ValueError: if the policy's head has no anchors.
    """
    head = policy.head
    if not isinstance(head, AnchoredHead):
        raise ValueError(
            f"head {policy.config.head!r} has no anchors to score; take one with head 'anchored'"
        )
    generator = torch.Generator().manual_seed(policy.config.inference_seed or 0)
    hits, frames, probability_sum = 0, 0, 0.0
    selected_by, head.score_step = head.score_step, step
    try:
        for batch in batches:
            noise = torch.randn(len(batch[ACTION]), *head.noise_shape, generator=generator)
            found = policy.predict_candidates(batch, noise.to(batch[ACTION].device))
            positive, _ = head.vocabulary.nearest(batch[ACTION], batch.get("action_is_pad"))
            hits += int((found.scores.argmax(dim=1) == positive).sum())
            probability_sum += float(found.probabilities.sum())
            frames += len(positive)
    finally:
        head.score_step = selected_by
    return ScoreQuality(Rate(hits, frames), probability_sum / frames)


def _batches(config: ScoresConfig, agent: AnchorVLAAgent) -> Iterable[dict[str, Any]]:
    from lerobot.datasets.lerobot_dataset import LeRobotDataset, LeRobotDatasetMetadata

    if not (config.dataset_root / "meta" / "info.json").exists():
        raise ValueError(f"dataset_root={config.dataset_root} holds no LeRobot dataset")
    meta = LeRobotDatasetMetadata(config.repo_id, root=config.dataset_root)
    steps = [step / meta.fps for step in agent.policy.config.action_delta_indices]
    dataset = LeRobotDataset(config.repo_id, root=config.dataset_root, delta_timestamps={ACTION: steps})
    drawn = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(config.seed))[
        : config.frames
    ]
    subset = torch.utils.data.Subset(dataset, drawn.tolist())
    for batch in torch.utils.data.DataLoader(subset, batch_size=config.batch_size):
        yield agent.preprocess(batch)
