"""Which entries of a LeRobot batch are cameras and which are state, and how they are put together."""

from dataclasses import dataclass

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.utils.constants import OBS_ENV_STATE
from torch import Tensor

# A constant state dimension has next to no spread in training, so any change would be a huge value.
STATE_LIMIT = 10.0

NO_ENV_STATE = (
    f"; only simulated environments know {OBS_ENV_STATE}: a policy for a robot is trained with "
    "--policy.use_environment_state=false"
)


@dataclass(frozen=True)
class ObservationLayout:
    """The order in which cameras and states enter the policy.

    Attributes:
        cameras: image keys, such as observation.images.front, sorted.
        states: state keys: proprioception first, then the environment state.
        state_dim: S, their summed size.
    """

    cameras: tuple[str, ...]
    states: tuple[str, ...]
    state_dim: int

    @classmethod
    def from_features(cls, features: dict[str, PolicyFeature]) -> "ObservationLayout":
        """Reads the layout from a policy's input features."""
        of_type = {
            kind: sorted(name for name, feature in features.items() if feature.type is kind)
            for kind in (FeatureType.VISUAL, FeatureType.STATE, FeatureType.ENV)
        }
        states = of_type[FeatureType.STATE] + of_type[FeatureType.ENV]
        return cls(
            cameras=tuple(of_type[FeatureType.VISUAL]),
            states=tuple(states),
            state_dim=sum(features[name].shape[0] for name in states),
        )

    def images(self, batch: dict[str, Tensor]) -> list[Tensor]:
        """One (B, 3, h, w) tensor a camera."""
        self.check(batch)
        return [batch[name] for name in self.cameras]

    def state(self, batch: dict[str, Tensor]) -> Tensor:
        """All states side by side, shape (B, S), normalised; S may be 0."""
        self.check(batch)
        return self.join({name: batch[name] for name in self.states}, like=_any_tensor(batch))

    def join(self, states: dict[str, Tensor], like: Tensor) -> Tensor:
        """(B, S) from one normalised tensor a state key; `like` is any tensor of B rows on the device."""
        if not self.states:
            return torch.zeros(len(like), 0, device=like.device)
        joined = torch.cat([states[name].reshape(len(like), -1) for name in self.states], dim=-1)
        return joined.float().clamp(-STATE_LIMIT, STATE_LIMIT)

    def instructions(self, batch: dict) -> list[str]:
        """One instruction a sample; empty where the batch has none."""
        task = batch.get("task")
        batch_size = len(_any_tensor(batch))
        if task is None:
            return [""] * batch_size
        return [task] * batch_size if isinstance(task, str) else list(task)

    def check(self, batch: dict[str, Tensor]) -> None:
        """Refuses a batch in which a camera or a state is missing.

        Raises:
            ValueError: naming what is missing and what is there.
        """
        missing = [name for name in (*self.cameras, *self.states) if name not in batch]
        if missing:
            present = sorted(name for name in batch if name.startswith("observation."))
            raise ValueError(
                f"the policy was trained with {', '.join(missing)}, which the observation lacks (it has "
                f"{', '.join(present) or 'no observation at all'}); use the same cameras and states as in "
                "training, or map other names with --rename_map"
                + (NO_ENV_STATE if OBS_ENV_STATE in missing else "")
            )


def _any_tensor(batch: dict) -> Tensor:
    return next(value for value in batch.values() if isinstance(value, Tensor) and value.ndim > 0)
