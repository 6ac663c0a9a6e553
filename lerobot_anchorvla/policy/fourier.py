"""Fourier features: numbers at several resolutions, for networks that must act on small differences."""

import torch
from torch import Tensor

OCTAVES = 5


def fourier_size(dimensions: int) -> int:
    """Features of so many numbers."""
    return dimensions * (1 + 2 * OCTAVES)


def fourier_features(values: Tensor) -> Tensor:
    """x, sin(2^k x) and cos(2^k x) for k = 0 .. OCTAVES - 1 (Tancik et al., 2020): (..., S) -> (..., 11 S).

    A state is normalised by its spread over whole episodes, so the last centimetre before a handle is a few
    hundredths, which a perceptron of the bare numbers needs very long to tell apart.
    """
    scaled = (values.unsqueeze(-1) * 2.0 ** torch.arange(OCTAVES, device=values.device)).flatten(-2)
    return torch.cat([values, scaled.sin(), scaled.cos()], dim=-1)
