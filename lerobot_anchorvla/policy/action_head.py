"""Three action heads behind one interface: anchored (the method), gaussian and regression (its ablations).

All three use the same BridgeDiT and differ in what they feed it and how they read it, so that a comparison
between them compares the ideas and not the networks.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from lerobot_anchorvla.policy.backbones.base import Context
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.denoiser import BridgeDiT, Condition
from lerobot_anchorvla.policy.schedule import TruncatedSchedule
from lerobot_anchorvla.policy.vocabulary import TrajectoryVocabulary


@dataclass
class Candidates:
    """What a head proposes for one batch of observations.

    Attributes:
        chunks: shape (B, M, H, A), normalised; M is 1 for the heads without anchors.
        scores: shape (B, M), logits of being the candidate that the demonstrator would follow.
    """

    chunks: Tensor
    scores: Tensor

    @property
    def probabilities(self) -> Tensor:
        """sigma(s), shape (B, M). They sum to about 1 where the score head is calibrated."""
        return self.scores.sigmoid()


@dataclass
class Selection:
    """How one candidate is chosen from the scores.

    Attributes:
        rule: `argmax` (Eq. 11), or `sample`: drawn with p proportional to sigma(s)^(1 / temperature).
        temperature: of `sample`; small values approach `argmax`.
        generator: makes the draws reproducible.
    """

    rule: str = "argmax"
    temperature: float = 1.0
    generator: torch.Generator | None = None

    def __call__(self, scores: Tensor) -> Tensor:
        """(B, M) logits -> (B,) indices."""
        if self.rule == "argmax":
            return scores.argmax(dim=1)
        weights = (F.logsigmoid(scores.cpu().double()) / self.temperature).softmax(dim=1)
        return torch.multinomial(weights, 1, generator=self.generator).squeeze(1).to(scores.device)


@dataclass
class ChosenChunk:
    """`chunk`: shape (B, H, A), normalised. `index`: shape (B,), which candidate. `scores`: shape (B, M)."""

    chunk: Tensor
    index: Tensor
    scores: Tensor


class ActionHead(nn.Module, ABC):
    """Predicts action chunks from a backbone's context.

    Attributes:
        noise_shape: the shape of the start noise of one sample; empty where the head uses none.
    """

    noise_shape: tuple[int, ...]

    @abstractmethod
    def loss(self, context: Context, actions: Tensor, is_pad: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Training loss and what it consists of.

        Args:
            actions: shape (B, H, A), the demonstrated chunk, normalised.
            is_pad: shape (B, H), bool, True past the episode's end.
        """

    @abstractmethod
    def candidates(self, context: Context, noise: Tensor) -> Candidates:
        """All candidates, fully denoised. `noise`: shape (B, *noise_shape), standard normal."""

    def choose(self, context: Context, noise: Tensor, selection: Selection) -> ChosenChunk:
        """The candidate to execute."""
        candidates = self.candidates(context, noise)
        index = selection(candidates.scores)
        return ChosenChunk(_take(candidates.chunks, index), index, candidates.scores)

    def follow(self, context: Context, noise: Tensor, actions: Tensor, is_pad: Tensor) -> Tensor:
        """The head's own chunk in the mode of the demonstrated one, shape (B, H, A).

        The residual corrector learns from it: against a candidate of another mode, its target would be the
        distance between modes instead of an error.
        """
        return self.candidates(context, noise).chunks[:, 0]


class AnchoredHead(ActionHead):
    """Truncated diffusion around the vocabulary's anchors with a score for each (paper, Eq. 4 to 11).

    Args:
        denoiser: f_phi.
        schedule: the truncated schedule.
        vocabulary: V.
        prediction_type: `sample`, `offset` or `epsilon`.
        num_inference_steps: N.
        score_step: which denoising step's scores select: `first` or `last`.
        score_inputs: `noised` trains the scores on noised anchors (Eq. 9); `denoised` also on the chunks
            that the sampler's later steps see.
        score_weight: lambda.
        num_negatives: anchors beside the positive that a training sample evaluates; None for all.
    """

    def __init__(
        self,
        denoiser: BridgeDiT,
        schedule: TruncatedSchedule,
        vocabulary: TrajectoryVocabulary,
        *,
        prediction_type: str,
        num_inference_steps: int,
        score_step: str,
        score_inputs: str,
        score_weight: float,
        num_negatives: int | None,
    ):
        super().__init__()
        self.denoiser = denoiser
        self.schedule = schedule
        self.vocabulary = vocabulary
        self.prediction_type = prediction_type
        self.timesteps = schedule.timesteps(num_inference_steps)
        self.score_step = score_step
        self.score_inputs = score_inputs
        self.score_weight = score_weight
        self.num_negatives = num_negatives
        self.noise_shape = tuple(vocabulary.anchors.shape)

    def loss(self, context: Context, actions: Tensor, is_pad: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Eq. 9; the positive stands first among the evaluated anchors.

        The metric `positive_scored_best` is over these, not over all K (for which see `anchorvla scores`).
        """
        condition = self.denoiser.condition(context)
        positive, _ = self.vocabulary.nearest(actions, is_pad)
        index = self._evaluated_anchors(positive)  # (B, M)
        anchors = self.vocabulary.anchors[index]
        timestep = self.schedule.sample_timesteps(len(actions), actions.device)
        noisy = self.schedule.add_noise(anchors, torch.randn_like(anchors), timestep)
        output = self.denoiser(noisy, timestep, condition)
        sample = self.schedule.to_sample(output.raw, noisy, timestep, self.prediction_type)
        reconstruction = masked_mean((sample[:, 0] - actions).abs(), is_pad)
        score_loss = self._score_loss(output.scores)
        if self.score_inputs == "denoised":
            score_loss = 0.5 * (score_loss + self._score_loss(self._scores_of_denoised(anchors, condition)))
        metrics = {
            "reconstruction_l1": reconstruction.item(),
            "score_loss": score_loss.item(),
            "positive_scored_best": (output.scores.argmax(dim=1) == 0).float().mean().item(),
        }
        return reconstruction + self.score_weight * score_loss, metrics

    def candidates(self, context: Context, noise: Tensor) -> Candidates:
        """Denoises all anchors through all N steps."""
        condition = self.denoiser.condition(context)
        noisy = self._start(noise)
        chunks, scores = self._denoise(noisy, condition, self.timesteps)
        return Candidates(chunks, scores[0 if self.score_step == "first" else -1])

    def choose(self, context: Context, noise: Tensor, selection: Selection) -> ChosenChunk:
        """As `candidates` then selection, but with first-step scores only the chosen anchor is denoised
        further: K + N - 1 evaluations instead of K N.
        """
        if self.score_step == "last":
            return super().choose(context, noise, selection)
        condition = self.denoiser.condition(context)
        noisy = self._start(noise)
        first, later = self.timesteps[:1], self.timesteps[1:]
        next_timestep = later[0] if later else None
        moved, scores = self._denoise(noisy, condition, first, next_timestep)
        index = selection(scores[0])
        chunk = _take(moved, index)
        if later:
            chunk = self._denoise(chunk.unsqueeze(1), condition, later)[0].squeeze(1)
        return ChosenChunk(chunk, index, scores[0])

    def follow(self, context: Context, noise: Tensor, actions: Tensor, is_pad: Tensor) -> Tensor:
        """The positive anchor's candidate."""
        positive, _ = self.vocabulary.nearest(actions, is_pad)
        noisy = _take(self._start(noise), positive).unsqueeze(1)
        return self._denoise(noisy, self.denoiser.condition(context), self.timesteps)[0].squeeze(1)

    def _start(self, noise: Tensor) -> Tensor:
        """Anchors at the top of the truncated range (Eq. 10), shape (B, K, H, A)."""
        timestep = torch.full((len(noise),), self.timesteps[0], device=noise.device)
        return self.schedule.add_noise(self.vocabulary.anchors.expand_as(noise), noise, timestep)

    def _denoise(
        self, noisy: Tensor, condition: Condition, timesteps: list[int], final_timestep: int | None = None
    ) -> tuple[Tensor, list[Tensor]]:
        return denoise(
            self.denoiser, self.schedule, noisy, condition, timesteps, self.prediction_type, final_timestep
        )

    def _evaluated_anchors(self, positive: Tensor) -> Tensor:
        """The positive first, then distinct random negatives: shape (B, 1 + negatives)."""
        num_anchors = len(self.vocabulary.anchors)
        negatives = num_anchors - 1
        if self.num_negatives is not None:
            negatives = min(self.num_negatives, negatives)
        order = torch.rand(len(positive), num_anchors, device=positive.device)
        order.scatter_(1, positive.unsqueeze(1), 2.0)
        return order.topk(1 + negatives, dim=1).indices

    def _score_loss(self, scores: Tensor) -> Tensor:
        """Mean binary cross-entropy over all K anchors; sampled negatives stand for those left out."""
        num_anchors = len(self.vocabulary.anchors)
        negatives = scores.shape[1] - 1
        target = torch.zeros_like(scores)
        target[:, 0] = 1
        weight = torch.full_like(scores, (num_anchors - 1) / (max(negatives, 1) * num_anchors))
        weight[:, 0] = 1 / num_anchors
        cross_entropy = F.binary_cross_entropy_with_logits(scores, target, reduction="none")
        return (cross_entropy * weight).sum(dim=1).mean()

    def _scores_of_denoised(self, anchors: Tensor, condition: Condition) -> Tensor:
        """Scores at a random later step of the sampler, on the chunks that it really gets there."""
        if len(self.timesteps) == 1:
            visited, last = self.timesteps, self.timesteps[0]
        else:
            stop = int(torch.randint(1, len(self.timesteps), ()))
            visited, last = self.timesteps[:stop], self.timesteps[stop]
        with torch.no_grad():
            start = torch.full((len(anchors),), self.timesteps[0], device=anchors.device)
            noisy = self.schedule.add_noise(anchors, torch.randn_like(anchors), start)
            if len(self.timesteps) > 1:
                noisy, _ = self._denoise(noisy, condition, visited, last)
        return self.denoiser(noisy, torch.full_like(start, last), condition).scores


class GaussianHead(ActionHead):
    """Ordinary diffusion from a standard normal over the whole schedule, with the same re-spaced sampler.

    Predicts the sample, with squared error, so that the optimum is the posterior mean that DDIM assumes.
    """

    def __init__(
        self,
        denoiser: BridgeDiT,
        schedule: TruncatedSchedule,
        *,
        num_inference_steps: int,
        chunk_shape: tuple[int, int],
    ):
        super().__init__()
        self.denoiser = denoiser
        self.schedule = schedule
        self.timesteps = schedule.timesteps(num_inference_steps)
        self.noise_shape = (1, *chunk_shape)

    def loss(self, context: Context, actions: Tensor, is_pad: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Squared error of the predicted sample."""
        condition = self.denoiser.condition(context)
        timestep = self.schedule.sample_timesteps(len(actions), actions.device)
        noisy = self.schedule.add_noise(actions, torch.randn_like(actions), timestep)
        error = self.denoiser(noisy.unsqueeze(1), timestep, condition).raw.squeeze(1) - actions
        return masked_mean(error.square(), is_pad), {
            "reconstruction_l1": masked_mean(error.abs(), is_pad).item()
        }

    def candidates(self, context: Context, noise: Tensor) -> Candidates:
        """One candidate, denoised from pure noise."""
        condition = self.denoiser.condition(context)
        chunks, _ = denoise(self.denoiser, self.schedule, noise, condition, self.timesteps, "sample")
        return Candidates(chunks, chunks.new_zeros(chunks.shape[:2]))


class RegressionHead(ActionHead):
    """One chunk in one pass (Eq. 1). Its loss is L1 as VLA-Adapter's, or the squared error."""

    def __init__(self, denoiser: BridgeDiT, *, loss: str, chunk_shape: tuple[int, int]):
        super().__init__()
        self.denoiser = denoiser
        self.loss_type = loss
        self.chunk_shape = chunk_shape
        self.noise_shape = ()

    def loss(self, context: Context, actions: Tensor, is_pad: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Masked mean of the absolute or squared error."""
        error = self._predict(context) - actions
        l1 = masked_mean(error.abs(), is_pad)
        loss = l1 if self.loss_type == "l1" else masked_mean(error.square(), is_pad)
        return loss, {"reconstruction_l1": l1.item()}

    def candidates(self, context: Context, noise: Tensor) -> Candidates:
        """One candidate; `noise` is not used."""
        chunk = self._predict(context).unsqueeze(1)
        return Candidates(chunk, chunk.new_zeros(chunk.shape[:2]))

    def _predict(self, context: Context) -> Tensor:
        batch = len(context.proprio)
        empty = context.proprio.new_zeros(batch, 1, *self.chunk_shape)
        timestep = torch.zeros(batch, dtype=torch.int64, device=empty.device)
        return self.denoiser(empty, timestep, self.denoiser.condition(context)).raw.squeeze(1)


def denoise(
    denoiser: BridgeDiT,
    schedule: TruncatedSchedule,
    noisy: Tensor,
    condition: Condition,
    timesteps: list[int],
    prediction_type: str,
    final_timestep: int | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Deterministic reverse steps over `timesteps`.

    Args:
        noisy: shape (B, M, H, A), at the noise level of the first timestep.
        final_timestep: the level to end at; None for the clean chunk.

    Returns:
        The chunks, shape (B, M, H, A), and the scores of every step, each of shape (B, M).
    """
    scores = []
    for timestep, next_timestep in zip(timesteps, [*timesteps[1:], final_timestep], strict=True):
        now = torch.full((len(noisy),), timestep, device=noisy.device)
        output = denoiser(noisy, now, condition)
        sample = schedule.to_sample(output.raw, noisy, now, prediction_type)
        noisy = schedule.step(sample, noisy, timestep, next_timestep)
        scores.append(output.scores)
    return noisy, scores


def masked_mean(error: Tensor, is_pad: Tensor) -> Tensor:
    """Mean of (B, H, A) over the elements that are not padded."""
    real = (~is_pad).unsqueeze(-1).to(error.dtype)
    return (error * real).sum() / (real.sum() * error.shape[-1]).clamp(min=1)


def _take(chunks: Tensor, index: Tensor) -> Tensor:
    """(B, M, ...) and (B,) -> (B, ...)."""
    return chunks[torch.arange(len(chunks), device=chunks.device), index]


def make_action_head(config: AnchorVLAConfig, context_size: int, action_dim: int) -> ActionHead:
    """The head that a configuration names, over a backbone of width `context_size`."""
    denoiser = BridgeDiT(
        action_dim=action_dim,
        horizon=config.chunk_size,
        context_size=context_size,
        hidden_size=config.head_hidden_size,
        num_layers=config.head_layers,
        num_heads=config.head_heads,
        positive_rate=1 / config.num_anchors if config.head == "anchored" else None,
    )
    chunk_shape = (config.chunk_size, action_dim)
    if config.head == "regression":
        return RegressionHead(denoiser, loss=config.regression_loss, chunk_shape=chunk_shape)
    if config.head == "gaussian":
        return GaussianHead(
            denoiser,
            TruncatedSchedule(config.num_train_timesteps, truncation_ratio=1.0),
            num_inference_steps=config.num_inference_steps,
            chunk_shape=chunk_shape,
        )
    return AnchoredHead(
        denoiser,
        TruncatedSchedule(config.num_train_timesteps, config.truncation_ratio),
        TrajectoryVocabulary(config.num_anchors, *chunk_shape),
        prediction_type=config.prediction_type,
        num_inference_steps=config.num_inference_steps,
        score_step=config.score_step,
        score_inputs=config.score_inputs,
        score_weight=config.score_weight,
        num_negatives=config.num_negatives,
    )
