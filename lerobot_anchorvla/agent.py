"""A trained policy for any Gymnasium loop: observations in, actions out, the processors inside."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lerobot.configs.policies import PreTrainedConfig
from lerobot.envs.utils import preprocess_observation
from lerobot.policies.factory import make_pre_post_processors
from lerobot.processor import PolicyAction, PolicyProcessorPipeline, UnnormalizerProcessorStep
from lerobot.utils.constants import ACTION
from torch import Tensor

from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy

Observation = dict[str, Any]


@dataclass(frozen=True)
class RawCandidates:
    """What the policy proposes for one observation, in the units of the action space.

    Attributes:
        chunks: shape (M, H, A).
        scores: shape (M,), logits.
        chosen: the index with the highest score.
    """

    chunks: np.ndarray
    scores: np.ndarray

    @property
    def chosen(self) -> int:
        return int(self.scores.argmax())

    @property
    def probabilities(self) -> np.ndarray:
        """sigma(s), shape (M,)."""
        return 1 / (1 + np.exp(-self.scores))


class AnchorVLAAgent:
    """Acts in an environment with LeRobot's observation keys (`pixels`, `agent_pos`, `environment_state`).

        agent = AnchorVLAAgent.from_pretrained("outputs/demo/residual/checkpoints/last/pretrained_model")
        observation, _ = env.reset(seed=0)
        agent.reset()
        while not done:
            observation, _, terminated, truncated, info = env.step(agent.act(observation))
            done = terminated or truncated

    Args:
        policy: the trained policy.
        preprocessor: from an observation to the policy's input.
        postprocessor: from the policy's output to the action's units.
        instruction: what to do, for policies that were trained on more than one task.

    Raises:
        ValueError: where the postprocessor would scale actions otherwise than the policy's anchors.
    """

    def __init__(
        self,
        policy: AnchorVLAPolicy,
        preprocessor: PolicyProcessorPipeline[dict[str, Any], dict[str, Any]],
        postprocessor: PolicyProcessorPipeline[PolicyAction, PolicyAction],
        instruction: str = "",
    ) -> None:
        _check_statistics(policy, postprocessor)
        self.policy = policy
        self.instruction = instruction
        self._preprocessor = preprocessor
        self._postprocessor = postprocessor

    @classmethod
    def from_pretrained(
        cls, path: str | Path, device: str | None = None, instruction: str = "", **policy_overrides: Any
    ) -> AnchorVLAAgent:
        """Loads a checkpoint's `pretrained_model` folder, or a repository of the Hub.

        Args:
            device: cpu, cuda or mps; by default what the checkpoint was trained on, where it is there.
            instruction: what to do.
            policy_overrides: fields of `AnchorVLAConfig`, such as num_inference_steps=5.

        Raises:
            ValueError: if the checkpoint is of another policy or does not fit together.
        """
        if device is not None:
            policy_overrides["device"] = device
        unknown = policy_overrides.keys() - {field.name for field in fields(AnchorVLAConfig)}
        if unknown:
            raise ValueError(f"AnchorVLAConfig has no field {', '.join(sorted(unknown))}")
        arguments = [f"--{name}={_as_argument(value)}" for name, value in policy_overrides.items()]
        config = PreTrainedConfig.from_pretrained(path, cli_overrides=arguments)
        if not isinstance(config, AnchorVLAConfig):
            raise ValueError(f"{path} holds a policy of type {config.type!r}, not 'anchorvla'")
        config.pretrained_path = Path(path)
        policy = AnchorVLAPolicy.from_pretrained(path, config=config)
        preprocessor, postprocessor = make_pre_post_processors(
            config,
            pretrained_path=str(path),
            preprocessor_overrides={"device_processor": {"device": str(config.device)}},
        )
        return cls(policy, preprocessor, postprocessor, instruction)

    def reset(self) -> None:
        """Call it whenever the environment is reset."""
        self.policy.reset()

    @torch.inference_mode()
    def act(self, observation: Observation) -> np.ndarray:
        """The action of this tick: shape (A,), or (B, A) for an observation with a batch dimension."""
        action = self._postprocessor(self.policy.select_action(self._prepare(observation)))
        actions = action.cpu().numpy()
        return actions if _is_batch(observation) else actions[0]

    @torch.inference_mode()
    def candidates(self, observation: Observation) -> RawCandidates:
        """All candidates for one observation without batch dimension; leaves the chunk in execution alone."""
        if _is_batch(observation):
            raise ValueError("candidates takes one observation without batch dimension")
        found = self.policy.predict_candidates(self._prepare(observation))
        return RawCandidates(self.to_raw_actions(found.chunks[0]), found.scores[0].float().cpu().numpy())

    @torch.inference_mode()
    def to_raw_actions(self, actions: Tensor) -> np.ndarray:
        """Normalised actions (..., A) in the units of the action space."""
        flat = self._postprocessor(actions.float().reshape(-1, actions.shape[-1]))
        return flat.cpu().numpy().reshape(actions.shape)

    def preprocess(self, batch: dict[str, Any]) -> dict[str, Any]:
        """A batch with LeRobot's keys, as a dataset gives it, as the policy wants it."""
        return self._preprocessor(batch)

    def _prepare(self, observation: Observation) -> dict[str, Any]:
        batch = preprocess_observation(observation)
        batch["task"] = [self.instruction] * len(next(iter(batch.values())))
        return self.preprocess(batch)


def _is_batch(observation: Observation) -> bool:
    vectors = [observation[name] for name in ("agent_pos", "environment_state") if name in observation]
    if vectors:
        return vectors[0].ndim == 2
    pixels = observation["pixels"]
    image = next(iter(pixels.values())) if isinstance(pixels, dict) else pixels
    return image.ndim == 4


def _as_argument(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_statistics(
    policy: AnchorVLAPolicy, postprocessor: PolicyProcessorPipeline[PolicyAction, PolicyAction]
) -> None:
    """Anchors live in normalised units: read back by other statistics, every action would be wrong."""
    if policy.vocabulary is None:
        return
    step = next((step for step in postprocessor.steps if isinstance(step, UnnormalizerProcessorStep)), None)
    if step is None or not step.stats or ACTION not in step.stats:
        raise ValueError(
            "the checkpoint's postprocessor has no statistics of the action, so that its actions cannot be "
            "brought back to their units; save the policy together with its processors"
        )
    statistics = ActionStatistics.from_dataset(step.stats, policy.config.normalization_mapping["ACTION"])
    try:
        policy.vocabulary.check_statistics(statistics, policy.config.action_feature_names)
    except ValueError as error:
        raise ValueError(
            "the checkpoint's postprocessor scales actions by other statistics than those that its "
            "trajectory vocabulary was fitted under; use the processors that were saved with it. "
            f"In detail: {error}"
        ) from error
