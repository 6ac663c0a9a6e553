"""AnchorVLAPolicy: LeRobot's contract around the method; everything numerical lives beside it."""

import logging
from collections import deque
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from lerobot.policies.pretrained import PreTrainedPolicy
from lerobot.utils.constants import ACTION
from safetensors.torch import load_file
from torch import Tensor

from lerobot_anchorvla.policy.action_head import (
    AnchoredHead,
    Candidates,
    ChosenChunk,
    Selection,
    make_action_head,
)
from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.backbones.base import Context
from lerobot_anchorvla.policy.backbones.factory import make_backbone
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.observation import ObservationLayout
from lerobot_anchorvla.policy.residual import ResidualCorrector
from lerobot_anchorvla.policy.state_table import StateTable
from lerobot_anchorvla.policy.vocabulary import TrajectoryVocabulary, check_lengths, read_episode_actions

if TYPE_CHECKING:
    from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata

logger = logging.getLogger(__name__)


@dataclass
class _Plan:
    """What the residual needs to know of the chunk that is being executed.

    `query_state`: shape (B, S). `pooled`: shape (B, 2 D). `step`: how many of its actions were executed.
    """

    query_state: Tensor
    pooled: Tensor
    step: int = 0


class AnchorVLAPolicy(PreTrainedPolicy):
    """Anchored truncated diffusion with residual correction (arXiv 2604.01567).

    Args:
        config: the configuration; its features are filled in by LeRobot's `make_policy`.
        dataset_stats: statistics of the training dataset, given when training.
        dataset_meta: metadata of the training dataset, given when training; a new policy fits its
            trajectory vocabulary from it.
    """

    config_class = AnchorVLAConfig
    name = "anchorvla"
    config: AnchorVLAConfig

    def __init__(
        self,
        config: AnchorVLAConfig,
        dataset_stats: dict[str, dict[str, Any]] | None = None,
        dataset_meta: "LeRobotDatasetMetadata | None" = None,
        **kwargs: Any,
    ):
        super().__init__(config)
        config.validate_features()
        self.layout = ObservationLayout.from_features(config.input_features)
        self.backbone = make_backbone(config, self.layout)
        self.head = make_action_head(config, self.backbone.hidden_size, config.action_feature.shape[0])
        self.residual = ResidualCorrector(
            state_dim=self.layout.state_dim,
            action_dim=config.action_feature.shape[0],
            context_size=2 * self.backbone.hidden_size,
            hidden_size=config.residual_hidden_size,
            max_correction=config.residual_max_correction,
            frozen_columns=self._gripper_columns(),
        )
        self._dataset_stats = dataset_stats
        self._dataset_meta = dataset_meta
        self._state_table: StateTable | None = None
        self._drift_shape: Tensor | None = None
        if dataset_meta is not None and config.pretrained_path is None:
            self._start_from_scratch()
        self._freeze_for_stage()
        self._generator: torch.Generator | None = None
        self.reset()

    # ------------------------------------------------------------------ training

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """The training loss of the configured stage.

        Args:
            batch: preprocessed; `action` (B, H, A) and `action_is_pad` (B, H) beside the observation.
        """
        actions = batch[ACTION].float()
        actions = actions.reshape(*actions.shape[:2], -1)  # LeRobot drops the axis of a single action
        is_pad = batch.get("action_is_pad")
        if is_pad is None:
            is_pad = torch.zeros(actions.shape[:2], dtype=torch.bool, device=actions.device)
        if self.config.stage == "residual":
            return self._residual_loss(batch, actions, is_pad)
        self._check_ready()
        return self.head.loss(self._encode(batch, self.layout.state(batch)), actions, is_pad)

    def get_optim_params(self) -> list[Tensor]:
        """The parameters that this stage trains."""
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def train(self, mode: bool = True) -> "AnchorVLAPolicy":
        """As nn.Module.train; in stage residual the frozen parts stay in evaluation mode."""
        super().train(mode)
        if self.config.stage == "residual":
            self.backbone.eval()
            self.head.eval()
        return self

    def _residual_loss(
        self, batch: dict[str, Tensor], actions: Tensor, is_pad: Tensor
    ) -> tuple[Tensor, dict[str, float]]:
        """Eq. 13 at every step of each chunk.

        The chunk is planned from a state with a random error, as if the robot had drifted since, and the
        corrector sees the true state at the executed step: it learns to recover, not only to refresh.
        """
        table, drift_shape = self._residual_data()
        state = self.layout.state(batch)
        error = torch.randn(state.shape, device=state.device) @ drift_shape.to(state.device).T
        scale = self.config.residual_state_perturbation * torch.rand(len(state), 1, device=state.device)
        query_state = state + scale * error
        with torch.no_grad():
            context = self._encode(batch, query_state)
            planned = self.head.follow(context, self._training_noise(len(actions), actions), actions, is_pad)
        sample, step = (~is_pad).nonzero(as_tuple=True)
        later_state = table.later(batch["index"].flatten().cpu()[sample.cpu()], step.cpu()).to(state.device)
        planned = planned[sample, step]
        pooled = context.pooled.float()[sample]
        correction = self.residual(later_state, query_state[sample], planned, step, pooled)
        correctable = self.residual.correctable.bool()
        target = (actions[sample, step] - planned)[:, correctable]
        loss = (correction[:, correctable] - target).abs().mean()
        return loss, {"residual_l1": loss.item(), "uncorrected_l1": target.abs().mean().item()}

    def _residual_data(self) -> tuple[StateTable, Tensor]:
        if self._state_table is None or self._drift_shape is None:
            if self._dataset_meta is None:
                raise RuntimeError(
                    "stage 'residual' looks up later states in the training dataset; build the policy "
                    "through lerobot-train, or pass dataset_meta to it"
                )
            self._state_table = StateTable.from_dataset(
                self._dataset_meta,
                self.layout,
                self.config.input_features,
                self.config.normalization_mapping,
            )
            self._drift_shape = self._state_table.drift_shape(self.config.chunk_size)
        return self._state_table, self._drift_shape

    def _training_noise(self, batch_size: int, like: Tensor) -> Tensor:
        return torch.randn(batch_size, *self.head.noise_shape, device=like.device)

    # ------------------------------------------------------------------ control

    def reset(self) -> None:
        """Forgets the chunk in execution; call it when the environment is reset.

        The noise goes on from where it is, so that episodes of one process differ.
        """
        self._action_queue: deque[Tensor] = deque()
        self._plan: _Plan | None = None

    @torch.no_grad()
    def select_action(self, batch: dict[str, Tensor], **kwargs: Any) -> Tensor:
        """The action of this control tick, shape (B, A), normalised.

        Predicts a new chunk when `n_action_steps` actions of the last one are spent, and adds the residual
        correction from the fresh observation at every tick.
        """
        self.eval()
        state = self.layout.state(batch)
        if self._action_queue and len(self._action_queue[0]) != len(state):
            raise ValueError(
                f"the chunk in execution is for {len(self._action_queue[0])} environments, the observation "
                f"has {len(state)}; call reset() before the batch size changes"
            )
        if not self._action_queue:
            context, chosen = self._choose(batch, state)
            self._action_queue.extend(chosen.chunk[:, : self.config.n_action_steps].unbind(dim=1))
            self._plan = _Plan(query_state=state, pooled=context.pooled.float())
        planned = self._action_queue.popleft()
        plan = self._plan
        if plan is None or not self.corrects:
            return planned
        phase = torch.full((len(planned),), plan.step, device=planned.device)
        plan.step += 1
        return planned + self.residual(state, plan.query_state, planned, phase, plan.pooled)

    @torch.no_grad()
    def predict_action_chunk(self, batch: dict[str, Tensor], **kwargs: Any) -> Tensor:
        """The chosen chunk without residual correction, shape (B, H, A), normalised."""
        self.eval()
        _, chosen = self._choose(batch, self.layout.state(batch))
        return chosen.chunk

    @torch.no_grad()
    def predict_candidates(self, batch: dict[str, Tensor], noise: Tensor | None = None) -> Candidates:
        """All candidates with their scores, normalised.

        Args:
            noise: start noise of shape (B, *head.noise_shape). If None, that which the next query of
                `select_action` would draw; it is not used up.
        """
        self.eval()
        self._check_ready()
        state = self.layout.state(batch)
        if noise is None:
            upcoming = torch.Generator()
            upcoming.set_state(self._noise_generator().get_state())
            noise = self._draw(upcoming, state)
        with self._autocast():
            return self.head.candidates(self._encode(batch, state), noise)

    @property
    def corrects(self) -> bool:
        """Whether `select_action` adds the residual correction."""
        return self.config.stage == "residual" and self.config.apply_residual

    def _choose(self, batch: dict[str, Tensor], state: Tensor) -> tuple[Context, ChosenChunk]:
        self._check_ready()
        generator = self._noise_generator()
        noise = self._draw(generator, state)
        selection = Selection(self.config.selection, self.config.selection_temperature, generator)
        with self._autocast():
            context = self._encode(batch, state)
            return context, self.head.choose(context, noise, selection)

    def _noise_generator(self) -> torch.Generator:
        if self._generator is None:
            self._generator = torch.Generator()
            if self.config.inference_seed is None:
                self._generator.seed()
            else:
                self._generator.manual_seed(self.config.inference_seed)
        return self._generator

    def _draw(self, generator: torch.Generator, like: Tensor) -> Tensor:
        """Start noise, drawn on the CPU so that a seed gives the same on every device."""
        return torch.randn(len(like), *self.head.noise_shape, generator=generator).to(like.device)

    def _encode(self, batch: dict[str, Tensor], state: Tensor) -> Context:
        return self.backbone.encode(self.layout.images(batch), self.layout.instructions(batch), state)

    def _autocast(self) -> AbstractContextManager:
        device = next(self.parameters()).device.type
        return torch.autocast(device, torch.bfloat16, enabled=self.config.dtype == "bfloat16")

    # ------------------------------------------------------------------ vocabulary, stages, checkpoints

    @property
    def vocabulary(self) -> TrajectoryVocabulary | None:
        """The trajectory vocabulary, or None where the head has no anchors."""
        return self.head.vocabulary if isinstance(self.head, AnchoredHead) else None

    def _gripper_columns(self) -> list[int]:
        names = self.config.action_feature_names or []
        return [
            column
            for column, name in enumerate(names)
            if any(part in name for part in self.config.gripper_names)
        ]

    def _action_statistics(self) -> ActionStatistics:
        mode = self.config.normalization_mapping["ACTION"]
        return ActionStatistics.from_dataset(self._dataset_stats or {}, mode)

    def _start_from_scratch(self) -> None:
        if self.config.stage == "residual":
            raise ValueError(
                "policy.stage='residual' corrects a trained policy: give its checkpoint with --policy.path, "
                "or train stage=base first"
            )
        self._fit_to_dataset()
        self.config.note_training()

    def _fit_to_dataset(self) -> None:
        """Checks the demonstrations' actions, and clusters them where the head has anchors."""
        episodes = read_episode_actions(self._dataset_meta)
        check_lengths(episodes, self.config.chunk_size)
        names = self.config.action_feature_names
        grippers = [names[column] for column in self._gripper_columns()] if names else []
        logger.info(
            "Gripper columns of the action: %s", ", ".join(grippers) or "none found by policy.gripper_names"
        )
        if self.vocabulary is not None:
            self.vocabulary.fit(
                episodes, self._action_statistics(), self._gripper_columns(), self.config.vocabulary_seed
            )
        self.config.vocabulary_action_names = self.config.action_feature_names
        self.config.refit_vocabulary = False

    def _check_vocabulary(self) -> None:
        """Refuses a training dataset whose actions are not those that the checkpoint knows."""
        trained, present = self.config.vocabulary_action_names, self.config.action_feature_names
        if trained and present and trained != present:
            raise ValueError(
                f"the checkpoint was trained on the actions {trained}, the dataset has {present}; rename or "
                "reorder the dataset's action names, or train a new policy"
            )
        if self.vocabulary is not None and self._dataset_stats is not None:
            self.vocabulary.check_statistics(self._action_statistics(), present)

    def _check_ready(self) -> None:
        if self.vocabulary is not None and not self.vocabulary.fitted:
            raise RuntimeError(
                "the policy's trajectory vocabulary is empty: train it with lerobot-train, or load a "
                "checkpoint"
            )

    def _freeze_for_stage(self) -> None:
        residual_stage = self.config.stage == "residual"
        self.residual.requires_grad_(residual_stage)
        self.backbone.requires_grad_(not residual_stage)
        self.head.requires_grad_(not residual_stage)

    @classmethod
    def _load_as_safetensor(
        cls, model: "AnchorVLAPolicy", model_file: str, map_location: str, strict: bool
    ) -> "AnchorVLAPolicy":
        """Loads every tensor or none: LeRobot's own loader only logs what is missing."""
        tensors = load_file(model_file, device="cpu")
        expected = model.state_dict()
        missing = sorted(expected.keys() - tensors.keys())
        unexpected = sorted(tensors.keys() - expected.keys())
        misshapen = [
            f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
            for name in sorted(expected.keys() & tensors.keys())
            if tensors[name].shape != expected[name].shape
        ]
        if missing or unexpected or misshapen:
            raise ValueError(
                f"{model_file} does not fit the configured policy. Missing: {missing or 'none'}. Unexpected: "
                f"{unexpected or 'none'}. Of another shape: {misshapen or 'none'}. Load it with the "
                "configuration that it was saved with"
            )
        model.load_state_dict(tensors)
        if model.config.refit_vocabulary and model._dataset_meta is not None:
            model._fit_to_dataset()
        else:
            model._check_vocabulary()
        return model
