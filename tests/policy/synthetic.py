"""Small policies, batches and datasets for tests."""

from pathlib import Path

import numpy as np
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.datasets.lerobot_dataset import LeRobotDataset

from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy

ACTION_NAMES = ["shoulder.pos", "gripper.pos", "x.vel", "y.vel"]
STATE_DIM = 3
TARGET_DIM = 2
IMAGE_SIZE = 32

TINY = {
    "chunk_size": 4,
    "n_action_steps": 2,
    "num_anchors": 6,
    "head_hidden_size": 32,
    "head_layers": 2,
    "head_heads": 4,
    "nano_image_size": 32,
    "nano_hidden_size": 32,
    "nano_layers": 2,
    "nano_heads": 4,
    "num_action_queries": 3,
    "device": "cpu",
    "push_to_hub": False,
}


def make_config(**overrides) -> AnchorVLAConfig:
    """A tiny configuration with two cameras, a state and a target."""
    inputs = {
        "observation.images.front": PolicyFeature(FeatureType.VISUAL, (3, IMAGE_SIZE, IMAGE_SIZE)),
        "observation.images.wrist": PolicyFeature(FeatureType.VISUAL, (3, IMAGE_SIZE, IMAGE_SIZE)),
        "observation.state": PolicyFeature(FeatureType.STATE, (STATE_DIM,)),
        "observation.environment_state": PolicyFeature(FeatureType.ENV, (TARGET_DIM,)),
    }
    outputs = {"action": PolicyFeature(FeatureType.ACTION, (len(ACTION_NAMES),))}
    values = {**TINY, "input_features": inputs, "output_features": outputs, **overrides}
    return AnchorVLAConfig(action_feature_names=ACTION_NAMES, **values)


def make_policy(seed: int = 0, **overrides) -> AnchorVLAPolicy:
    """A tiny policy with random weights (zero-initialised layers too) and random anchors."""
    torch.manual_seed(seed)
    policy = AnchorVLAPolicy(make_config(**overrides))
    for parameter in policy.parameters():
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    if policy.vocabulary is not None:
        policy.vocabulary.anchors.normal_()
        policy.vocabulary.fitted.fill_(True)
    return policy.eval()


def make_batch(batch_size: int = 5, seed: int = 0) -> dict:
    """A preprocessed batch as LeRobot hands it to the policy."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch_size, 3, IMAGE_SIZE, IMAGE_SIZE)
    is_pad = torch.zeros(batch_size, TINY["chunk_size"], dtype=torch.bool)
    is_pad[0, 2:] = True
    return {
        "observation.images.front": torch.rand(shape, generator=generator),
        "observation.images.wrist": torch.rand(shape, generator=generator),
        "observation.state": torch.randn(batch_size, STATE_DIM, generator=generator),
        "observation.environment_state": torch.randn(batch_size, TARGET_DIM, generator=generator),
        "action": torch.randn(batch_size, TINY["chunk_size"], len(ACTION_NAMES), generator=generator),
        "action_is_pad": is_pad,
        "task": ["open the drawer", "lift the red bag carefully"] * (batch_size // 2)
        + ["stop"] * (batch_size % 2),
    }


def make_dataset(
    root: Path,
    *,
    lengths: tuple[int, ...] = (20, 16, 24),
    action_names: list[str] | None = ACTION_NAMES,
    action_scale: float = 1.0,
    nan_at: tuple[int, int] | None = None,
    seed: int = 0,
) -> LeRobotDataset:
    """Writes a dataset of smooth random episodes; the third action is constant.

    Args:
        lengths: frames of each episode.
        action_names: None leaves the action out.
        nan_at: (episode, frame) of one NaN action.
    """
    rng = np.random.default_rng(seed)
    features = {
        "observation.images.front": _image_feature(),
        "observation.images.wrist": _image_feature(),
        "observation.state": _vector_feature(STATE_DIM, [f"s{i}.pos" for i in range(STATE_DIM)]),
        "observation.environment_state": _vector_feature(TARGET_DIM, ["target.x", "target.y"]),
    }
    if action_names:
        features["action"] = _vector_feature(len(action_names), action_names)
    dataset = LeRobotDataset.create(
        "test/synthetic", fps=15, features=features, root=root, robot_type="test", use_videos=False
    )
    for episode, length in enumerate(lengths):
        phase = rng.uniform(0, 6, size=len(ACTION_NAMES))
        for step in range(length):
            action = action_scale * np.sin(0.3 * step + phase).astype(np.float32)
            action[2] = 0.25
            if nan_at == (episode, step):
                action[0] = np.nan
            frame = {
                "observation.images.front": _image(rng),
                "observation.images.wrist": _image(rng),
                "observation.state": rng.normal(size=STATE_DIM).astype(np.float32),
                "observation.environment_state": action[:TARGET_DIM] + 1,
                "task": "open the drawer",
            }
            if action_names:
                frame["action"] = action[: len(action_names)]
            dataset.add_frame(frame)
        dataset.save_episode()
    dataset.finalize()
    return LeRobotDataset("test/synthetic", root=root)


def _image_feature() -> dict:
    return {"dtype": "image", "shape": (IMAGE_SIZE, IMAGE_SIZE, 3), "names": ["height", "width", "channels"]}


def _vector_feature(size: int, names: list[str]) -> dict:
    return {"dtype": "float32", "shape": (size,), "names": names}


def _image(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 255, size=(IMAGE_SIZE, IMAGE_SIZE, 3), dtype=np.uint8)
