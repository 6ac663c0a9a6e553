"""A tiny untrained checkpoint for the embedded world's observations and actions."""

from pathlib import Path

import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature

from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy
from lerobot_anchorvla.policy.processor_anchorvla import make_anchorvla_pre_post_processors
from lerobot_anchorvla.sim.signals import ACTION_HIGH, ACTION_LOW, ACTION_NAMES
from tests.policy.synthetic import TINY

IMAGE_SIZE = 32


def statistics() -> dict[str, dict[str, torch.Tensor]]:
    """Actions fill their limits; states have mean 0 and spread 10."""
    low, high = (torch.tensor(limit, dtype=torch.float32) for limit in (ACTION_LOW, ACTION_HIGH))
    vector = {"mean": torch.zeros(9), "std": torch.full((9,), 10.0)}
    return {
        "action": {"min": low, "max": high},
        "observation.state": vector,
        "observation.environment_state": vector,
    }


def save_checkpoint(folder: Path, **overrides) -> Path:
    """Writes policy and processors as lerobot-train does, with random weights and anchors."""
    torch.manual_seed(0)
    camera = PolicyFeature(FeatureType.VISUAL, (3, IMAGE_SIZE, IMAGE_SIZE))
    config = AnchorVLAConfig(
        input_features={
            "observation.images.front": camera,
            "observation.images.wrist": camera,
            "observation.state": PolicyFeature(FeatureType.STATE, (9,)),
            "observation.environment_state": PolicyFeature(FeatureType.ENV, (9,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (9,))},
        action_feature_names=list(ACTION_NAMES),
        **{**TINY, **overrides},
    )
    policy = AnchorVLAPolicy(config)
    if policy.vocabulary is not None:
        stats = ActionStatistics.from_dataset(statistics(), NormalizationMode.MIN_MAX)
        policy.vocabulary.anchors.uniform_(-0.5, 0.5)
        policy.vocabulary.counts.fill_(1)
        policy.vocabulary.statistics.copy_(stats.values)
        policy.vocabulary.fitted.fill_(True)
    policy.save_pretrained(folder)
    for processor in make_anchorvla_pre_post_processors(config, statistics()):
        processor.save_pretrained(folder)
    return folder
