"""The residual corrector and what it is trained on."""

import pytest
import torch

from lerobot_anchorvla.policy.observation import ObservationLayout
from lerobot_anchorvla.policy.residual import ResidualCorrector
from lerobot_anchorvla.policy.state_table import StateTable
from tests.policy.synthetic import make_config, make_dataset


def make_residual() -> ResidualCorrector:
    torch.manual_seed(0)
    return ResidualCorrector(
        state_dim=5, action_dim=4, context_size=8, hidden_size=32, max_correction=0.2, frozen_columns=[1]
    )


def inputs(batch: int = 64) -> tuple[torch.Tensor, ...]:
    state, query = torch.randn(2, batch, 5)
    return state, query, torch.randn(batch, 4), torch.randint(8, (batch,)), torch.randn(batch, 8)


def test_it_changes_nothing_at_its_start():
    assert make_residual()(*inputs()).abs().max() == 0


def test_corrections_are_bounded_and_leave_the_gripper_alone():
    residual = make_residual()
    for parameter in residual.parameters():
        torch.nn.init.normal_(parameter, std=3)
    correction = residual(*inputs())
    assert correction.abs().max() <= 0.2
    assert correction[:, [0, 2, 3]].abs().min(dim=0).values.max() > 0
    assert correction[:, 1].abs().max() == 0


def test_it_learns_a_correction_that_depends_on_the_drift_alone():
    """Target: half the drift of the first state dimension, the feedback that a drifted base needs."""
    residual = make_residual()
    optimizer = torch.optim.Adam(residual.parameters(), lr=3e-3)
    for _ in range(600):
        state, query, planned, phase, pooled = inputs(256)
        query = state + 0.2 * (query - state)
        target = (0.5 * (state - query)[:, :1]).clamp(-0.15, 0.15)
        loss = (residual(state, query, planned, phase, pooled)[:, :1] - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.25 * target.abs().mean().item()


@pytest.fixture
def table(tmp_path) -> tuple[StateTable, object]:
    dataset = make_dataset(tmp_path / "data")
    config = make_config()
    layout = ObservationLayout.from_features(config.input_features)
    table = StateTable.from_dataset(dataset.meta, layout, config.input_features, config.normalization_mapping)
    return table, dataset


def test_the_table_holds_the_normalised_states(table):
    states, dataset = table
    stats = dataset.meta.stats
    for index in (0, 19, 20, 59):
        frame = dataset[index]
        for key, part in (("observation.state", slice(0, 3)), ("observation.environment_state", slice(3, 5))):
            mean, std = (torch.as_tensor(stats[key][name]).float() for name in ("mean", "std"))
            expected = (frame[key] - mean) / (std + 1e-8)
            torch.testing.assert_close(states.states[index, part], expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(states.later(torch.tensor([3]), torch.tensor([4]))[0], states.states[7])


def test_the_drift_shape_is_the_covariance_of_motion_within_episodes():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(3, 3, generator=generator)
    steps = torch.randn(4000, 3, generator=generator) @ mixing.T
    states = steps.cumsum(dim=0)
    states[2000:] += 1e6  # the jump between two episodes must not count
    table = StateTable(states, torch.arange(4000) // 2000, torch.arange(4000))
    shape = table.drift_shape(1)
    torch.testing.assert_close(shape @ shape.T, mixing @ mixing.T, rtol=0.15, atol=0.15)


def test_frames_are_found_by_their_global_index(tmp_path):
    states = torch.arange(6.0)[:, None]
    table = StateTable(states, torch.tensor([4, 4, 4, 9, 9, 9]), torch.tensor([40, 41, 42, 90, 91, 92]))
    later = table.later(torch.tensor([40, 90, 41]), torch.tensor([2, 1, 0]))
    assert later.flatten().tolist() == [2, 4, 1]
    with pytest.raises(IndexError, match="frame 43 of the dataset is not on this machine"):
        table.later(torch.tensor([42]), torch.tensor([1]))


def test_episodes_shorter_than_a_chunk_leave_no_drift():
    table = StateTable(torch.randn(3, 2), torch.zeros(3), torch.arange(3))
    assert table.drift_shape(8).abs().max() == 0
