"""Two ways around an obstacle, 60 to 40: which head keeps both, which averages them, which picks one."""

import math

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, NormalizationMode, PolicyFeature

from lerobot_anchorvla.policy.action_head import Selection
from lerobot_anchorvla.policy.action_statistics import ActionStatistics
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy
from tests.policy.synthetic import make_config

pytestmark = pytest.mark.slow

HORIZON = 8
LEFT_SHARE = 0.6
TOLERANCE = 0.15  # a quarter of the smallest detour
STEPS, BATCH = 500, 64


def demonstrations(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States (N, 2): start and size of the detour; chunks (N, H, 2): x and y; sides (N,): +1 or -1."""
    rng = np.random.default_rng(seed)
    start, size = rng.uniform(-0.2, 0.2, count), rng.uniform(0.6, 0.9, count)
    side = np.where(rng.random(count) < LEFT_SHARE, 1.0, -1.0)
    states = torch.from_numpy(np.stack([start, size], axis=1)).float()
    return states, ways(states, torch.from_numpy(side).float()), torch.from_numpy(side).float()


def ways(states: torch.Tensor, side: torch.Tensor) -> torch.Tensor:
    """The valid chunk of each state on the given side, shape (N, H, 2)."""
    t = torch.linspace(0, 1, HORIZON)
    y = side[:, None] * states[:, 1:] * torch.sin(math.pi * t) + states[:, :1] * (1 - t)
    return torch.stack([(2 * t - 1).expand_as(y), y], dim=-1)


@torch.enable_grad()
def train(head: str, **overrides) -> AnchorVLAPolicy:
    torch.manual_seed(0)
    config = make_config(
        head=head,
        chunk_size=HORIZON,
        n_action_steps=HORIZON,
        input_features={"observation.state": PolicyFeature(FeatureType.STATE, (2,))},
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        optimizer_lr=3e-3,
        **overrides,
    )
    policy = AnchorVLAPolicy(config)
    states, chunks, _ = demonstrations(4000, seed=0)
    if policy.vocabulary is not None:
        limits = {"action": {"min": [-1.0, -1.0], "max": [1.0, 1.0]}}
        statistics = ActionStatistics.from_dataset(limits, NormalizationMode.MIN_MAX)
        policy.vocabulary.fit(list(chunks.numpy()), statistics, [], seed=0)
    policy.train()
    optimizer = torch.optim.AdamW(policy.get_optim_params(), lr=config.optimizer_lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS)
    for _ in range(STEPS):
        rows = torch.randint(len(states), (BATCH,))
        loss, _ = policy({"observation.state": states[rows], "action": chunks[rows]})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return policy.eval()


def distance_to_ways(chunks: torch.Tensor, states: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest deviation of each chunk from the nearer valid way, and that way's side; both (N,)."""
    gaps = torch.stack(
        [
            (chunks - ways(states, torch.full((len(states),), side))).abs().amax(dim=(1, 2))
            for side in (1.0, -1.0)
        ]
    )
    nearest = gaps.min(dim=0)
    return nearest.values, 1.0 - 2.0 * nearest.indices


@pytest.fixture(scope="module")
def held_out() -> torch.Tensor:
    return demonstrations(500, seed=1)[0]


@pytest.fixture(scope="module")
def anchored() -> AnchorVLAPolicy:
    return train("anchored")


@pytest.fixture
def show(capsys):
    """Prints a line although the test passes."""

    def show_line(line: str) -> None:
        with capsys.disabled():
            print(f"\n    {line}", end="")

    return show_line


@pytest.fixture
def report(show):
    """Shows and returns the share of valid chunks, and the share of the valid ones that go left."""

    def measure(name: str, chunks: torch.Tensor, states: torch.Tensor) -> tuple[float, float]:
        gap, side = distance_to_ways(chunks, states)
        valid = gap < TOLERANCE
        total, left = int(valid.sum()), int((side[valid] > 0).sum())
        show(f"{name}: {total} of {len(states)} valid; left {left}, right {total - left}")
        return total / len(states), left / max(total, 1)

    return measure


@torch.no_grad()
def test_both_ways_are_among_the_anchors_and_the_candidates(anchored, held_out, show):
    middle = anchored.vocabulary.anchors[:, HORIZON // 2, 1]
    assert (middle > 0.5).any()
    assert (middle < -0.5).any()
    candidates = anchored.predict_candidates({"observation.state": held_out})
    for side in (1.0, -1.0):
        valid = (candidates.chunks - ways(held_out, torch.full((len(held_out),), side))[:, None]).abs()
        within = (valid.amax(dim=(2, 3)) < TOLERANCE).any(dim=1)
        show(f"a candidate within tolerance of side {side:+.0f}: {int(within.sum())} of {len(held_out)}")
        assert within.float().mean() > 0.99


@torch.no_grad()
def test_the_chosen_chunk_is_nearly_always_a_valid_way(anchored, held_out, report):
    chunks = anchored.predict_action_chunk({"observation.state": held_out})
    valid, left = report("anchored, argmax", chunks, held_out)
    assert valid > 0.98
    assert left > LEFT_SHARE  # the highest score prefers the majority


@torch.no_grad()
def test_drawing_by_score_uses_both_ways_in_the_demonstrations_proportion(anchored, held_out, report):
    states = held_out.repeat(4, 1)
    context = anchored._encode({"observation.state": states}, states)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(len(states), *anchored.head.noise_shape, generator=generator)
    chosen = anchored.head.choose(context, noise, Selection("sample", 1.0, generator))
    valid, left = report("anchored, sample", chosen.chunk, states)
    assert valid > 0.98
    assert left == pytest.approx(LEFT_SHARE, abs=0.06)


@torch.no_grad()
def test_squared_error_averages_the_ways(held_out, report):
    chunks = train("regression", regression_loss="mse").predict_action_chunk({"observation.state": held_out})
    valid, _ = report("regression, squared error", chunks, held_out)
    middle = chunks[:, HORIZON // 2, 1]
    assert valid == 0.0
    assert middle.abs().max() < 0.5


@torch.no_grad()
def test_absolute_error_commits_to_the_majority(held_out, report):
    chunks = train("regression", regression_loss="l1").predict_action_chunk({"observation.state": held_out})
    valid, left = report("regression, absolute error", chunks, held_out)
    assert valid > 0.7
    assert left == 1.0


@torch.no_grad()
def test_gaussian_diffusion_keeps_both_ways_too(held_out, report):
    policy = train("gaussian", num_inference_steps=10)
    chunks = policy.predict_action_chunk({"observation.state": held_out.repeat(4, 1)})
    valid, left = report("gaussian, 10 steps", chunks, held_out.repeat(4, 1))
    assert valid > 0.8
    assert left == pytest.approx(LEFT_SHARE, abs=0.1)
