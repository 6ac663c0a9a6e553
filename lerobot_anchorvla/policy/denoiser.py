"""BridgeDiT: the denoiser f_phi of Eq. 2 and 7, with the score head h_omega of Eq. 6.

Every anchor is a short sequence of H tokens. The tokens of one anchor see one another and the context,
never another anchor's, so the anchors' results are independent and any subset can be evaluated alone. The
context's keys and values are computed once for an observation (`BridgeDiT.condition`) and shared by all
anchors and all denoising steps.
"""

import math
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from lerobot_anchorvla.policy.backbones.base import Context

_TIMESTEP_FEATURES = 256
_INITIAL_GATE = 0.5


@dataclass
class Condition:
    """What the blocks need of a `Context`, projected once.

    Attributes:
        keys, values: one tensor a block, shape (B, heads, Q + 1 + T, head size).
        mask: shape (B, 1, Q + 1 + T), bool, or None where nothing is padded.
        pooled: shape (B, D), the pooled context's share of the AdaLN condition.
    """

    keys: list[Tensor]
    values: list[Tensor]
    mask: Tensor | None
    pooled: Tensor


@dataclass
class DenoiserOutput:
    """`raw`: shape (B, M, H, A), read according to the prediction type. `scores`: shape (B, M), logits,
    zero without a score head."""

    raw: Tensor
    scores: Tensor


class BridgeDiT(nn.Module):
    """AdaLN transformer whose blocks attend jointly to their own anchor and to the backbone's context.

    Args:
        action_dim: A.
        horizon: H, the chunk's length.
        context_size: D_c, width of the backbone's tokens.
        hidden_size, num_layers, num_heads: D, number of blocks, attention heads.
        positive_rate: expected share of positive anchors, which sets the score head's initial bias; None
            builds no score head.
    """

    step_position: Tensor

    def __init__(
        self,
        *,
        action_dim: int,
        horizon: int,
        context_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        positive_rate: float | None,
    ):
        super().__init__()
        self.embed_action = nn.Linear(action_dim, hidden_size)
        self.register_buffer(
            "step_position", sinusoidal_features(torch.arange(horizon), hidden_size), persistent=False
        )
        self.embed_timestep = nn.Sequential(
            nn.Linear(_TIMESTEP_FEATURES, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size)
        )
        self.embed_pooled = nn.Linear(2 * context_size, hidden_size)
        self.blocks = nn.ModuleList(
            BridgeBlock(hidden_size, context_size, num_heads) for _ in range(num_layers)
        )
        self.final_norm = nn.LayerNorm(hidden_size, elementwise_affine=False)
        self.final_modulation = nn.Linear(hidden_size, 2 * hidden_size)
        self.to_action = nn.Linear(hidden_size, action_dim)
        self.to_score = None if positive_rate is None else _score_head(hidden_size, positive_rate)
        _zero(self.final_modulation)
        _zero(self.to_action)

    def condition(self, context: Context) -> Condition:
        """Projects the context for every block; call once an observation."""
        blocks = cast("list[BridgeBlock]", list(self.blocks))
        projected = [
            block.project_context(task, queries, context.proprio)
            for block, task, queries in zip(blocks, context.task_tokens, context.query_tokens, strict=True)
        ]
        mask = None
        if context.task_mask is not None:
            always = context.query_tokens[0].shape[1] + context.proprio.shape[1]
            mask = F.pad(context.task_mask, (always, 0), value=True).unsqueeze(1)
        return Condition(
            keys=[keys for keys, _ in projected],
            values=[values for _, values in projected],
            mask=mask,
            pooled=self.embed_pooled(context.pooled),
        )

    def forward(self, noisy: Tensor, timestep: Tensor, condition: Condition) -> DenoiserOutput:
        """Evaluates M noisy chunks a sample.

        Args:
            noisy: shape (B, M, H, A).
            timestep: shape (B,), int64; the M chunks of a sample share it.
            condition: of the B samples.
        """
        modulation = F.silu(
            self.embed_timestep(sinusoidal_features(timestep, _TIMESTEP_FEATURES)) + condition.pooled
        )
        x = self.embed_action(noisy) + self.step_position  # (B, M, H, D)
        for number, block in enumerate(self.blocks):
            x = block(x, modulation, condition.keys[number], condition.values[number], condition.mask)
        shift, scale = self.final_modulation(modulation)[:, None, None].chunk(2, dim=-1)
        raw = self.to_action(_modulate(self.final_norm(x), shift, scale))
        if self.to_score is None:
            scores = raw.new_zeros(raw.shape[:2])
        else:
            scores = self.to_score(x.mean(dim=2)).squeeze(-1)
        return DenoiserOutput(raw=raw.float(), scores=scores.float())


class BridgeBlock(nn.Module):
    """Joint attention over the anchor's own tokens, the action queries with the state, and the task tokens.

    The task tokens' logits are scaled by tanh(gate), which lets the block choose how far to trust raw
    features over the action queries (VLA-Adapter's bridge attention, with a softmax over all three).
    """

    def __init__(self, hidden_size: int, context_size: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(hidden_size, elementwise_affine=False)
        self.norm_mlp = nn.LayerNorm(hidden_size, elementwise_affine=False)
        self.qkv_self = nn.Linear(hidden_size, 3 * hidden_size)
        self.kv_queries = nn.Linear(context_size, 2 * hidden_size)
        self.kv_task = nn.Linear(context_size, 2 * hidden_size)
        self.gate = nn.Parameter(torch.tensor(math.atanh(_INITIAL_GATE)))
        self.out = nn.Linear(hidden_size, hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size), nn.GELU(), nn.Linear(4 * hidden_size, hidden_size)
        )
        self.modulation = nn.Linear(hidden_size, 6 * hidden_size)
        _zero(self.modulation)

    def project_context(self, task: Tensor, queries: Tensor, proprio: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of [queries; state; task], each (B, heads, Q + 1 + T, head size)."""
        key_action, value_action = self.kv_queries(torch.cat([queries, proprio], dim=1)).chunk(2, dim=-1)
        key_task, value_task = self.kv_task(task).chunk(2, dim=-1)
        keys = torch.cat([key_action, torch.tanh(self.gate) * key_task], dim=1)
        values = torch.cat([value_action, value_task], dim=1)
        return self._heads(keys), self._heads(values)

    def forward(
        self, x: Tensor, modulation: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> Tensor:
        """x: (B, M, H, D) -> the same shape."""
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(modulation)[:, None, None].chunk(6, -1)
        query, key, value = self.qkv_self(_modulate(self.norm_attention(x), shift1, scale1)).chunk(3, dim=-1)
        attended = bridge_attention(
            self._heads(query), self._heads(key), self._heads(value), keys, values, mask
        )
        x = x + gate1 * self.out(attended)
        return x + gate2 * self.mlp(_modulate(self.norm_mlp(x), shift2, scale2))

    def _heads(self, x: Tensor) -> Tensor:
        """(..., length, D) -> (..., heads, length, head size)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(-3, -2)


def bridge_attention(
    query: Tensor, key: Tensor, value: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
) -> Tensor:
    """One softmax over an anchor's own tokens and the context that all anchors share.

    Args:
        query, key, value: shape (B, M, heads, H, d), the anchors' tokens.
        keys, values: shape (B, heads, T, d), the context.
        mask: shape (B, 1, T), False where the context is padded.

    Returns:
        Shape (B, M, H, heads * d).
    """
    batch, anchors, heads, horizon, size = query.shape
    query = query / math.sqrt(size)
    own_logits = query @ key.transpose(-1, -2)  # (B, M, heads, H, H)
    folded = query.transpose(1, 2).reshape(batch, heads, anchors * horizon, size)
    context_logits = folded @ keys.transpose(-1, -2)  # (B, heads, M H, T)
    if mask is not None:
        context_logits = context_logits.masked_fill(~mask.unsqueeze(1), float("-inf"))
    context_logits = context_logits.unflatten(2, (anchors, horizon)).transpose(1, 2)
    weights = torch.cat([own_logits, context_logits], dim=-1).softmax(dim=-1).to(value.dtype)
    own_weights, context_weights = weights.split([horizon, keys.shape[2]], dim=-1)
    folded_weights = context_weights.transpose(1, 2).reshape(batch, heads, anchors * horizon, -1)
    from_context = (folded_weights @ values).unflatten(2, (anchors, horizon)).transpose(1, 2)
    attended = own_weights @ value + from_context  # (B, M, heads, H, d)
    return attended.transpose(2, 3).flatten(3)


def sinusoidal_features(position: Tensor, size: int) -> Tensor:
    """Sines and cosines of geometrically spaced frequencies: (N,) -> (N, size), float32."""
    half = size // 2
    frequency = torch.exp(-math.log(10_000.0) * torch.arange(half, device=position.device) / half)
    angle = position.float()[:, None] * frequency
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def _score_head(hidden_size: int, positive_rate: float) -> nn.Sequential:
    """h_omega of Eq. 6 on an anchor's mean token, which depends on the chunk, the context and tau."""
    last = nn.Linear(hidden_size // 2, 1)
    nn.init.constant_(last.bias, math.log(positive_rate / (1 - positive_rate)))
    return nn.Sequential(nn.LayerNorm(hidden_size), nn.Linear(hidden_size, hidden_size // 2), nn.SiLU(), last)


def _modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    return x * (1 + scale) + shift


def _zero(linear: nn.Linear) -> None:
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
