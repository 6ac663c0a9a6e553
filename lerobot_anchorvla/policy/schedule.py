"""The truncated diffusion schedule: noise around anchors, re-spaced deterministic reverse steps.

The forward process starts from a clean trajectory that is already nearly right (an anchor), so only the
first, low-noise part of a usual schedule is needed (paper, Eq. 3 to 5 and 10).
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

_MAX_BETA = 0.999


def squaredcos_cap_v2(num_train_timesteps: int) -> Tensor:
    """Cumulative products of the cosine schedule of Nichol and Dhariwal (2021), betas capped at 0.999.

    Returns:
        alphas_cumprod, shape (num_train_timesteps,), float64, falling.
    """

    def alpha_bar(t: float) -> float:
        return math.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2

    edges = [alpha_bar(step / num_train_timesteps) for step in range(num_train_timesteps + 1)]
    betas = [min(1 - after / before, _MAX_BETA) for before, after in pairwise(edges)]
    return torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), dim=0)


class TruncatedSchedule(nn.Module):
    """Noise levels of the first S_tr = max(1, round(ratio * S)) timesteps, and the moves between them.

    Args:
        num_train_timesteps: S, the length of the whole schedule.
        truncation_ratio: rho in (0, 1]; 1 gives an ordinary diffusion schedule.

    Attributes:
        truncated_steps: S_tr.
        alphas_cumprod: shape (S,), float32.
    """

    alphas_cumprod: Tensor

    def __init__(self, num_train_timesteps: int, truncation_ratio: float):
        super().__init__()
        self.truncated_steps = max(1, round(truncation_ratio * num_train_timesteps))
        # Recomputed from the configuration, hence not saved.
        self.register_buffer(
            "alphas_cumprod", squaredcos_cap_v2(num_train_timesteps).float(), persistent=False
        )

    def sample_timesteps(self, batch_size: int, device: torch.device) -> Tensor:
        """tau ~ U{0, ..., S_tr - 1}, one a sample (Eq. 3). Returns shape (batch_size,), int64."""
        return torch.randint(self.truncated_steps, (batch_size,), device=device)

    def timesteps(self, num_steps: int) -> list[int]:
        """The N timesteps that inference visits, re-spaced over the truncated range: S_tr - 1 down to 0.

        Raises:
            ValueError: if more steps are asked for than the truncated range has.
        """
        if not 1 <= num_steps <= self.truncated_steps:
            raise ValueError(
                f"num_inference_steps={num_steps} must lie between 1 and the {self.truncated_steps} "
                "truncated timesteps (round(truncation_ratio * num_train_timesteps))"
            )
        spaced = torch.linspace(self.truncated_steps - 1, 0, num_steps, dtype=torch.float64)
        return [int(step) for step in spaced.round()]

    def add_noise(self, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
        """A^(tau) = sqrt(abar) * clean + sqrt(1 - abar) * noise (Eq. 4).

        Args:
            clean, noise: shape (B, ...).
            timestep: shape (B,), int64.
        """
        alpha, sigma = self._levels(timestep, clean.ndim)
        return alpha * clean + sigma * noise

    def to_sample(self, output: Tensor, noisy: Tensor, timestep: Tensor, prediction_type: str) -> Tensor:
        """The clean chunk that the network's raw output stands for (Eq. 5), shape (B, ...).

        `sample`: the output itself. `offset`: the noisy input plus the output. `epsilon`: the inversion of
        the forward process, where the output is the effective noise between noisy input and demonstration.
        """
        if prediction_type == "sample":
            return output
        if prediction_type == "offset":
            return noisy + output
        alpha, sigma = self._levels(timestep, noisy.ndim)
        return (noisy - sigma * output) / alpha

    def to_epsilon(self, sample: Tensor, noisy: Tensor, timestep: Tensor) -> Tensor:
        """The noise that leads from `sample` to `noisy`; inverse of `add_noise`. Shape (B, ...)."""
        alpha, sigma = self._levels(timestep, noisy.ndim)
        return (noisy - alpha * sample) / sigma

    def step(self, sample: Tensor, noisy: Tensor, timestep: int, next_timestep: int | None) -> Tensor:
        """One deterministic (DDIM, eta = 0) move from `timestep` to `next_timestep`.

        Past the last timestep (`None`) the noise level is zero, so the predicted sample itself is returned.
        """
        if next_timestep is None:
            return sample
        batch = sample.shape[0]
        now = torch.full((batch,), timestep, device=sample.device)
        epsilon = self.to_epsilon(sample, noisy, now)
        return self.add_noise(sample, epsilon, torch.full_like(now, next_timestep))

    def _levels(self, timestep: Tensor, ndim: int) -> tuple[Tensor, Tensor]:
        abar = self.alphas_cumprod[timestep].view(-1, *([1] * (ndim - 1)))
        return abar.sqrt(), (1 - abar).sqrt()
