"""AnchorVLA's processors: LeRobot's own steps; resizing and tokenising belong to the backbone."""

from typing import Any

import torch
from lerobot.processor import PolicyAction, PolicyProcessorPipeline
from lerobot.processor.factory import make_default_pre_post_processors

from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig


def make_anchorvla_pre_post_processors(
    config: AnchorVLAConfig,
    dataset_stats: dict[str, dict[str, torch.Tensor]] | None = None,
) -> tuple[
    PolicyProcessorPipeline[dict[str, Any], dict[str, Any]],
    PolicyProcessorPipeline[PolicyAction, PolicyAction],
]:
    """Rename, batch, device, normalise; and back again for the action."""
    return make_default_pre_post_processors(config, dataset_stats)
