"""AnchorVLA's configuration: every field is an option of LeRobot's commands, as --policy.<field>."""

from dataclasses import dataclass, field

from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature
from lerobot.optim.optimizers import AdamWConfig
from lerobot.optim.schedulers import CosineAnnealingWithWarmupSchedulerConfig
from lerobot.utils.constants import ACTION

STAGES = ("base", "residual")
BACKBONES = ("nano",)
HEADS = ("anchored", "gaussian", "regression")
_CHOICES = {
    "stage": STAGES,
    "backbone": BACKBONES,
    "head": HEADS,
    "prediction_type": ("sample", "offset", "epsilon"),
    "score_step": ("first", "last"),
    "score_inputs": ("noised", "denoised"),
    "selection": ("argmax", "sample"),
    "regression_loss": ("l1", "mse"),
    "dtype": ("float32", "bfloat16"),
}
_POSITIVE = (
    "chunk_size",
    "n_action_steps",
    "num_anchors",
    "num_train_timesteps",
    "num_inference_steps",
    "selection_temperature",
    "head_hidden_size",
    "head_layers",
    "head_heads",
    "nano_image_size",
    "nano_hidden_size",
    "nano_layers",
    "nano_heads",
    "num_action_queries",
    "residual_hidden_size",
    "residual_max_correction",
    "optimizer_lr",
)
_NOT_NEGATIVE = ("score_weight", "residual_state_perturbation", "scheduler_warmup_steps")
# What the weights mean depends on these; a checkpoint keeps the values that it was trained with.
_FIXED_BY_TRAINING = (
    "backbone",
    "head",
    "prediction_type",
    "num_train_timesteps",
    "truncation_ratio",
    "use_environment_state",
)


@PreTrainedConfig.register_subclass("anchorvla")
@dataclass
class AnchorVLAConfig(PreTrainedConfig):
    """Configuration of `AnchorVLAPolicy`.

    Raises:
        ValueError: on a value that cannot work; the message names the field, the value and what is allowed.
    """

    # What lerobot-train trains: "base" (backbone and head) or "residual" (only the residual corrector, on
    # top of a trained base given by --policy.path).
    stage: str = "base"
    # Vision-language backbone: "nano" is trained from scratch and needs no download.
    backbone: str = "nano"
    # Action head: "anchored" (the method), or its ablations "gaussian" and "regression".
    head: str = "anchored"

    # Actions predicted at a query (H).
    chunk_size: int = 8
    # Actions of a chunk that are executed before the next query.
    n_action_steps: int = 5
    # Whether the policy sees observation.environment_state (for example the target's pose in a simulator)
    # where the dataset has it. False learns from pixels and proprioception alone.
    use_environment_state: bool = True
    # How LeRobot normalises what goes in and out.
    normalization_mapping: dict[str, NormalizationMode] = field(
        default_factory=lambda: {
            "VISUAL": NormalizationMode.IDENTITY,
            "STATE": NormalizationMode.MEAN_STD,
            "ENV": NormalizationMode.MEAN_STD,
            "ACTION": NormalizationMode.MIN_MAX,
        }
    )
    # Names of the action columns; filled in from the dataset.
    action_feature_names: list[str] | None = None
    # "float32" or "bfloat16": precision of training (autocast) and of inference.
    dtype: str = "float32"

    # Anchors in the trajectory vocabulary (K); it is fitted from the training dataset.
    num_anchors: int = 20
    # Seed of the clustering.
    vocabulary_seed: int = 0
    # Fit the vocabulary anew when --policy.path points at a checkpoint and the dataset is another one.
    refit_vocabulary: bool = False
    # The action names that the vocabulary was fitted under; filled in at the fit, checked at every load.
    vocabulary_action_names: list[str] | None = None
    # Settings that the weights depend on; filled in when training starts, checked at every load.
    trained_with: dict[str, str] | None = None
    # Action columns that are never averaged into an anchor nor corrected by the residual, by part of name.
    gripper_names: list[str] = field(default_factory=lambda: ["gripper"])

    # Length of the whole diffusion schedule (S).
    num_train_timesteps: int = 50
    # Share of the schedule, from its clean end, that anchors are noised by (rho).
    truncation_ratio: float = 0.2
    # Denoising steps at inference (N), spaced over the schedule's range.
    num_inference_steps: int = 2
    # What the denoiser predicts: "sample" (the clean chunk), "offset" (from the noisy chunk) or "epsilon".
    # Head "gaussian" takes "sample" only.
    prediction_type: str = "sample"
    # Which denoising step's scores choose the chunk: "first", or "last" as in the paper.
    score_step: str = "first"
    # What the scores are trained on: "noised" anchors, or also the sampler's own "denoised" chunks.
    score_inputs: str = "noised"
    # Weight of the score loss (lambda).
    score_weight: float = 1.0
    # Anchors beside the positive one that a training sample evaluates; null evaluates all of them.
    num_negatives: int | None = 2
    # How a candidate is chosen: "argmax" (highest score) or "sample" (drawn by score).
    selection: str = "argmax"
    # Temperature of selection "sample".
    selection_temperature: float = 1.0
    # Seed of the start noise and of drawn selections; null for other ones in every run.
    inference_seed: int | None = 0
    # Loss of head "regression": "l1" or "mse".
    regression_loss: str = "l1"

    # Width of the denoiser's tokens.
    head_hidden_size: int = 128
    # Blocks of the denoiser; each reads one backbone layer, evenly spaced.
    head_layers: int = 3
    # Attention heads of the denoiser.
    head_heads: int = 4

    # Backbone "nano": cameras are resized to this many pixels square (a multiple of 16).
    nano_image_size: int = 64
    # Backbone "nano": width of the tokens.
    nano_hidden_size: int = 128
    # Backbone "nano": transformer layers.
    nano_layers: int = 3
    # Backbone "nano": attention heads.
    nano_heads: int = 4
    # Learned action-query tokens.
    num_action_queries: int = 8

    # Add the trained residual correction at every control tick. False executes the chunk as predicted.
    apply_residual: bool = True
    # Width of the residual corrector.
    residual_hidden_size: int = 128
    # Bound on every correction, in normalised action units (r_max).
    residual_max_correction: float = 0.2
    # Stage "residual": random error of the state that chunks are planned from, relative to how far the state
    # moves in one chunk. 0 only teaches the corrector to use the fresher observation.
    residual_state_perturbation: float = 0.5

    # Learning rate of AdamW.
    optimizer_lr: float = 1e-3
    # Weight decay of AdamW.
    optimizer_weight_decay: float = 1e-3
    # Gradient norm above which gradients are scaled down.
    optimizer_grad_clip_norm: float = 1.0
    # Steps of linear warm-up before the cosine decay to zero.
    scheduler_warmup_steps: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ValueError(f"policy.{name}={value!r} is unknown; choose one of {', '.join(choices)}")
        for name in _POSITIVE:
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"policy.{name}={value} must be positive")
        for name in _NOT_NEGATIVE:
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"policy.{name}={value} must not be negative")
        self._check_ranges()
        self._check_combinations()

    def _check_ranges(self) -> None:
        if self.n_action_steps > self.chunk_size:
            raise ValueError(
                f"policy.n_action_steps={self.n_action_steps} cannot exceed "
                f"policy.chunk_size={self.chunk_size}"
            )
        if not 0 < self.truncation_ratio <= 1:
            raise ValueError(f"policy.truncation_ratio={self.truncation_ratio} must lie in (0, 1]")
        if self.num_anchors < 2 and self.head == "anchored":
            raise ValueError(f"policy.num_anchors={self.num_anchors} must be at least 2 for head 'anchored'")
        if self.num_negatives is not None and self.num_negatives < 1:
            raise ValueError(f"policy.num_negatives={self.num_negatives} must be at least 1, or null for all")
        if self.nano_image_size % 16:
            raise ValueError(f"policy.nano_image_size={self.nano_image_size} must be a multiple of 16")
        for width, heads in (("nano_hidden_size", "nano_heads"), ("head_hidden_size", "head_heads")):
            if getattr(self, width) % getattr(self, heads) or getattr(self, width) % 8:
                raise ValueError(
                    f"policy.{width}={getattr(self, width)} must be divisible by 8 and by "
                    f"policy.{heads}={getattr(self, heads)}"
                )
        if self.n_obs_steps != 1:
            raise ValueError(f"policy.n_obs_steps={self.n_obs_steps} is not supported; AnchorVLA uses one")

    def _check_combinations(self) -> None:
        if self.head == "gaussian" and self.prediction_type != "sample":
            raise ValueError(
                f"policy.prediction_type={self.prediction_type!r} does not go with head 'gaussian': an "
                "offset needs an anchor, and the inversion of epsilon amplifies errors a thousandfold at the "
                "noisy end of the whole schedule; choose 'sample'"
            )
        if self.stage == "residual" and self.refit_vocabulary:
            raise ValueError(
                "policy.refit_vocabulary=true needs stage=base: the frozen head of stage=residual was "
                "trained on the old anchors"
            )
        for name, value in (self.trained_with or {}).items():
            if str(getattr(self, name)) != value:
                raise ValueError(
                    f"policy.{name}={getattr(self, name)!r} cannot be changed: the checkpoint was trained "
                    f"with {value}; leave the option out, or train a new policy"
                )

    def note_training(self) -> None:
        """Keeps the values that the weights are being trained with, for `trained_with`."""
        self.trained_with = {name: str(getattr(self, name)) for name in _FIXED_BY_TRAINING}

    def set_dataset_feature_metadata(self, features: dict) -> None:
        """Called by LeRobot's make_policy: takes the action names, one a column, or none."""
        action = features.get(ACTION, {})
        names = action.get("names")
        if isinstance(names, dict):
            names = [name for group in names.values() for name in group]
        columns = action.get("shape", (0,))[0]
        self.action_feature_names = list(names) if names and len(names) == columns else None

    def validate_features(self) -> None:
        """Leaves out the environment state where it is not to be used, and checks what is left.

        Raises:
            ValueError: without an action, or without any observation.
        """
        if self.action_feature is None:
            raise ValueError("the dataset has no 'action' feature; AnchorVLA learns from actions")
        inputs: dict[str, PolicyFeature] = dict(getattr(self, "input_features", None) or {})
        if not self.use_environment_state:
            inputs = {name: ft for name, ft in inputs.items() if ft.type is not FeatureType.ENV}
        known = (FeatureType.VISUAL, FeatureType.STATE, FeatureType.ENV)
        if not any(feature.type in known for feature in inputs.values()):
            raise ValueError(
                f"policy.input_features={sorted(inputs)} holds neither a camera nor a state to act upon"
            )
        self.input_features = inputs

    def get_optimizer_preset(self) -> AdamWConfig:
        """AdamW with the policy's optimizer_* fields."""
        return AdamWConfig(
            lr=self.optimizer_lr,
            weight_decay=self.optimizer_weight_decay,
            grad_clip_norm=self.optimizer_grad_clip_norm,
        )

    def get_scheduler_preset(self) -> CosineAnnealingWithWarmupSchedulerConfig:
        """Linear warm-up, then a cosine to zero at the last training step."""
        return CosineAnnealingWithWarmupSchedulerConfig(num_warmup_steps=self.scheduler_warmup_steps)

    @property
    def observation_delta_indices(self) -> None:
        """Only the present observation."""
        return None

    @property
    def action_delta_indices(self) -> list[int]:
        """The chunk: actions of this tick and the next ones."""
        return list(range(self.chunk_size))

    @property
    def reward_delta_indices(self) -> None:
        """No rewards."""
        return None
