"""The residual corrector r_psi: a small network that corrects every executed step (paper, Eq. 12 and 13)."""

import torch
from torch import Tensor, nn

from lerobot_anchorvla.policy.denoiser import sinusoidal_features
from lerobot_anchorvla.policy.fourier import fourier_features, fourier_size

_PHASE_FEATURES = 32
_CONTEXT_FEATURES = 32


class ResidualCorrector(nn.Module):
    """Delta a = r_max * tanh(MLP(s_now, s_now - s_query, planned action, phase, context)).

    The difference between the state now and the state at the chunk's query shows how far the robot is from
    where the plan expects it. The last layer starts at zero, so an untrained corrector changes nothing.

    Args:
        state_dim: S.
        action_dim: A.
        context_size: width of the pooled context.
        hidden_size: width of the two hidden layers.
        max_correction: r_max, the bound on every element, in normalised action units.
        frozen_columns: action columns that are never corrected.
    """

    correctable: Tensor

    def __init__(
        self,
        *,
        state_dim: int,
        action_dim: int,
        context_size: int,
        hidden_size: int,
        max_correction: float,
        frozen_columns: list[int],
    ):
        super().__init__()
        self.max_correction = max_correction
        correctable = torch.ones(action_dim)
        correctable[frozen_columns] = 0
        self.register_buffer("correctable", correctable, persistent=False)
        self.embed_context = nn.Linear(context_size, _CONTEXT_FEATURES)
        inputs = 2 * fourier_size(state_dim) + action_dim + _PHASE_FEATURES + _CONTEXT_FEATURES
        last = nn.Linear(hidden_size, action_dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(
            nn.Linear(inputs, hidden_size), nn.SiLU(), nn.Linear(hidden_size, hidden_size), nn.SiLU(), last
        )

    def forward(
        self, state: Tensor, query_state: Tensor, planned: Tensor, phase: Tensor, pooled: Tensor
    ) -> Tensor:
        """The correction to add to the planned action, shape (B, A), normalised.

        Args:
            state: s_{t+j}, the state now, shape (B, S), normalised.
            query_state: s_t, the state that the chunk was predicted from, shape (B, S).
            planned: a_hat_{t+j}, shape (B, A).
            phase: j, the step's number in the chunk, shape (B,).
            pooled: the pooled context at the chunk's query, shape (B, context_size).
        """
        inputs = torch.cat(
            [
                fourier_features(state),
                fourier_features(state - query_state),
                planned,
                sinusoidal_features(phase, _PHASE_FEATURES),
                self.embed_context(pooled),
            ],
            dim=-1,
        )
        return self.max_correction * torch.tanh(self.layers(inputs)) * self.correctable
