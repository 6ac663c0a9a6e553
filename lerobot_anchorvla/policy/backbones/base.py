"""What a backbone gives to the action head, whatever network computes it."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Context:
    """The vision-language latent context x_t of one observation, for the layers that the head reads.

    Attributes:
        task_tokens: one tensor a read layer, shape (B, T, D): image, instruction and state tokens (C_R).
        query_tokens: one tensor a read layer, shape (B, Q, D): action-query tokens (C_AQ).
        proprio: shape (B, 1, D): embedding of the robot's state (p).
        task_mask: shape (B, T), bool, False at padded instruction tokens; None where nothing is padded.
    """

    task_tokens: list[Tensor]
    query_tokens: list[Tensor]
    proprio: Tensor
    task_mask: Tensor | None = None

    @property
    def pooled(self) -> Tensor:
        """Mean of the last layer's query and state tokens beside the mean of its task tokens: (B, 2 D)."""
        action_side = torch.cat([self.query_tokens[-1], self.proprio], dim=1).mean(dim=1)
        task = self.task_tokens[-1]
        if self.task_mask is None:
            return torch.cat([action_side, task.mean(dim=1)], dim=-1)
        weight = self.task_mask.unsqueeze(-1).to(task.dtype)
        return torch.cat([action_side, (task * weight).sum(dim=1) / weight.sum(dim=1)], dim=-1)


class Backbone(nn.Module, ABC):
    """Turns cameras, instruction and state into a `Context`.

    Attributes:
        hidden_size: D, the width of every token.
        read_layers: the 1-based transformer layers whose tokens the head reads, in order.
    """

    hidden_size: int
    read_layers: list[int]

    @abstractmethod
    def encode(self, images: list[Tensor], instructions: list[str], state: Tensor) -> Context:
        """Computes the context once for a batch of observations.

        Args:
            images: one tensor a camera, shape (B, 3, height, width), values in [0, 1].
            instructions: B instructions.
            state: shape (B, S), normalised proprioception and, where used, the target's pose.
        """


def evenly_spaced_layers(num_layers: int, num_blocks: int) -> list[int]:
    """Which backbone layer each head block reads: 1-based, evenly spaced, ending at the last layer."""
    return [math.ceil(num_layers * (block + 1) / num_blocks) for block in range(num_blocks)]
