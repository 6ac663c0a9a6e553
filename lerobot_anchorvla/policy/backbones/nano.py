"""The `nano` backbone: a small vision-language transformer, trained from scratch, that needs no download.

front camera ─┐ convolutional stem, one token a 16 x 16 patch ─┐
wrist camera ─┘                                                │
instruction ──── byte-pair tokens ─────────────────────────────┼─► transformer ─► task tokens (C_R)
state ────────── Fourier features, perceptron, one token (p) ──┤                ─► action queries (C_AQ)
learned action queries ────────────────────────────────────────┘
"""

from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from tokenizers import Tokenizer
from torch import Tensor, nn

from lerobot_anchorvla.policy.backbones.base import Backbone, Context, evenly_spaced_layers
from lerobot_anchorvla.policy.fourier import fourier_features, fourier_size

TOKENIZER_FILE = Path(__file__).with_name("nano_tokenizer.json")
PATCH_SIZE = 16
_MAX_INSTRUCTION_TOKENS = 64


class NanoBackbone(Backbone):
    """Pre-norm transformer over image, instruction, state and action-query tokens; attention is two-way.

    Args:
        num_cameras: V, cameras in a fixed order, each with its own embedding.
        state_dim: S; 0 leaves the state token to a learned constant.
        image_size: every camera is resized to this many pixels square; a multiple of 16.
        hidden_size, num_layers, num_heads: D, depth and attention heads.
        num_queries: Q, learned action-query tokens.
        num_read_layers: how many layers the head reads.
    """

    def __init__(
        self,
        *,
        num_cameras: int,
        state_dim: int,
        image_size: int,
        hidden_size: int,
        num_layers: int,
        num_heads: int,
        num_queries: int,
        num_read_layers: int,
    ):
        super().__init__()
        self.hidden_size = hidden_size
        self.read_layers = evenly_spaced_layers(num_layers, num_read_layers)
        self.image_size = image_size
        self.tokenizer = Tokenizer.from_file(str(TOKENIZER_FILE))
        self.tokenizer.enable_truncation(_MAX_INSTRUCTION_TOKENS)
        self.tokenizer.enable_padding()

        patches = (image_size // PATCH_SIZE) ** 2
        self.stem = _ConvolutionalStem(hidden_size)
        self.patch_position = nn.Parameter(torch.randn(num_cameras, patches, hidden_size) * 0.02)
        self.word_embedding = nn.Embedding(self.tokenizer.get_vocab_size(), hidden_size)
        self.word_position = nn.Parameter(torch.randn(_MAX_INSTRUCTION_TOKENS, hidden_size) * 0.02)
        nn.init.normal_(self.word_embedding.weight, std=0.02)
        self.state_embedding = nn.Sequential(
            nn.Linear(fourier_size(max(state_dim, 1)), 2 * hidden_size),
            nn.GELU(),
            nn.Linear(2 * hidden_size, hidden_size),
        )
        self.action_queries = nn.Parameter(torch.randn(num_queries, hidden_size) * 0.02)
        self.layers = nn.ModuleList(_TransformerLayer(hidden_size, num_heads) for _ in range(num_layers))
        self.norm = nn.LayerNorm(hidden_size)

    def encode(self, images: list[Tensor], instructions: list[str], state: Tensor) -> Context:
        """See `Backbone.encode`; images may be of any size."""
        batch = state.shape[0]
        words, word_mask = self._embed_instructions(instructions, state.device)
        proprio = self._embed_state(state).unsqueeze(1)
        queries = self.action_queries.expand(batch, -1, -1)
        tokens = torch.cat([*self._embed_images(images), words, proprio, queries], dim=1)

        num_queries = queries.shape[1]
        task_mask = None
        attention_mask = None
        if not bool(word_mask.all()):
            after_words = tokens.shape[1] - words.shape[1] - 1 - num_queries
            mask = F.pad(word_mask, (after_words, 1 + num_queries), value=True)  # (B, tokens)
            task_mask = mask[:, :-num_queries]
            attention_mask = mask[:, None, None, :]

        read: dict[int, Tensor] = {}
        for number, layer in enumerate(self.layers, start=1):
            tokens = layer(tokens, attention_mask)
            if number in self.read_layers:
                read[number] = self.norm(tokens)
        chosen = [read[number] for number in self.read_layers]
        return Context(
            task_tokens=[layer[:, :-num_queries] for layer in chosen],
            query_tokens=[layer[:, -num_queries:] for layer in chosen],
            proprio=proprio,
            task_mask=task_mask,
        )

    def _embed_state(self, state: Tensor) -> Tensor:
        known = state if state.shape[1] else state.new_ones(len(state), 1)
        return self.state_embedding(fourier_features(known))

    def _embed_images(self, images: list[Tensor]) -> list[Tensor]:
        """One (B, patches, D) tensor a camera; all cameras pass the stem in one batch."""
        if not images:
            return []
        size = (self.image_size, self.image_size)
        resized = [
            image if image.shape[-2:] == size else F.interpolate(image, size, mode="bilinear", antialias=True)
            for image in images
        ]
        patches = self.stem(torch.cat(resized) * 2 - 1)  # (V B, patches, D)
        cameras = patches.unflatten(0, (len(images), -1)) + self.patch_position[:, None]
        return list(cameras)

    def _embed_instructions(self, instructions: list[str], device: torch.device) -> tuple[Tensor, Tensor]:
        encodings = self.tokenizer.encode_batch([text.strip().lower() for text in instructions])
        ids = torch.tensor([encoding.ids for encoding in encodings], device=device, dtype=torch.int64)
        mask = torch.tensor([encoding.attention_mask for encoding in encodings], device=device).bool()
        return self.word_embedding(ids) + self.word_position[: ids.shape[1]], mask


class _ConvolutionalStem(nn.Module):
    """Four stride-2 convolutions: (B, 3, h, w) -> (B, h w / 256, D).

    Early convolutions learn from far fewer images than a linear patch embedding (Xiao et al., 2021).
    """

    def __init__(self, hidden_size: int):
        super().__init__()
        widths = [3, hidden_size // 8, hidden_size // 4, hidden_size // 2, hidden_size]
        layers: list[nn.Module] = []
        for width_in, width_out in pairwise(widths):
            layers += [
                nn.Conv2d(width_in, width_out, kernel_size=3, stride=2, padding=1),
                nn.GroupNorm(1, width_out),
                nn.GELU(),
            ]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images).flatten(2).transpose(1, 2)


class _TransformerLayer(nn.Module):
    """Pre-norm self-attention and feed-forward layer, width D, expansion 4."""

    def __init__(self, hidden_size: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention = nn.LayerNorm(hidden_size)
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size)
        self.norm_mlp = nn.LayerNorm(hidden_size)
        self.mlp = nn.Sequential(
            nn.Linear(hidden_size, 4 * hidden_size), nn.GELU(), nn.Linear(4 * hidden_size, hidden_size)
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        batch, length, width = x.shape
        qkv = self.qkv(self.norm_attention(x)).view(batch, length, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (B, heads, length, D / heads)
        attended = F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm_mlp(x))
