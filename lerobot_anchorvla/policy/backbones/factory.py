"""Builds the backbone that a configuration names."""

from lerobot_anchorvla.policy.backbones.base import Backbone
from lerobot_anchorvla.policy.backbones.nano import NanoBackbone
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.observation import ObservationLayout


def make_backbone(config: AnchorVLAConfig, layout: ObservationLayout) -> Backbone:
    """The backbone for a policy with these cameras and states."""
    return NanoBackbone(
        num_cameras=len(layout.cameras),
        state_dim=layout.state_dim,
        image_size=config.nano_image_size,
        hidden_size=config.nano_hidden_size,
        num_layers=config.nano_layers,
        num_heads=config.nano_heads,
        num_queries=config.num_action_queries,
        num_read_layers=config.head_layers,
    )
