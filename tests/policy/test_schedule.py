"""The schedule against diffusers' tables, and its laws."""

import pytest
import torch
from diffusers import DDIMScheduler

from lerobot_anchorvla.policy.schedule import TruncatedSchedule


def diffusers_scheduler(steps: int) -> DDIMScheduler:
    return DDIMScheduler(
        num_train_timesteps=steps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type="sample",
        clip_sample=False,
        set_alpha_to_one=True,
    )


@pytest.mark.parametrize("steps", [50, 100, 1000])
def test_alphas_equal_diffusers(steps):
    schedule = TruncatedSchedule(steps, 0.2)
    torch.testing.assert_close(schedule.alphas_cumprod, diffusers_scheduler(steps).alphas_cumprod)


@pytest.mark.parametrize(
    ("steps", "ratio", "expected"), [(50, 0.2, 10), (50, 1.0, 50), (50, 0.001, 1), (100, 0.1, 10)]
)
def test_truncated_steps(steps, ratio, expected):
    schedule = TruncatedSchedule(steps, ratio)
    drawn = schedule.sample_timesteps(5000, torch.device("cpu"))
    assert schedule.truncated_steps == expected
    assert set(drawn.tolist()) == set(range(expected))


def test_perturbation_at_the_boundary_is_the_published_reading():
    schedule = TruncatedSchedule(50, 0.2)
    sigma = (1 - schedule.alphas_cumprod[9]).sqrt()
    assert sigma.item() == pytest.approx(0.318, abs=1e-3)


def test_timesteps_span_the_truncated_range():
    schedule = TruncatedSchedule(50, 0.2)
    assert schedule.timesteps(1) == [9]
    assert schedule.timesteps(2) == [9, 0]
    assert schedule.timesteps(10) == list(range(9, -1, -1))
    assert schedule.timesteps(5)[0] == 9
    assert schedule.timesteps(5)[-1] == 0


@pytest.mark.parametrize("count", [0, 11])
def test_timesteps_refuses_what_the_range_cannot_hold(count):
    with pytest.raises(ValueError, match=f"num_inference_steps={count}"):
        TruncatedSchedule(50, 0.2).timesteps(count)


def test_noising_equals_diffusers():
    schedule = TruncatedSchedule(50, 0.2)
    clean, noise = torch.randn(2, 4, 3, 8, 5)
    timestep = torch.tensor([0, 3, 9, 5])
    expected = diffusers_scheduler(50).add_noise(clean, noise, timestep)
    torch.testing.assert_close(schedule.add_noise(clean, noise, timestep), expected)


def test_noising_then_inverting_is_the_identity():
    schedule = TruncatedSchedule(50, 0.2)
    clean, noise = torch.randn(2, 4, 3, 8, 5)
    timestep = torch.tensor([0, 3, 9, 5])
    noisy = schedule.add_noise(clean, noise, timestep)
    torch.testing.assert_close(schedule.to_sample(noise, noisy, timestep, "epsilon"), clean)
    torch.testing.assert_close(schedule.to_sample(clean - noisy, noisy, timestep, "offset"), clean)
    torch.testing.assert_close(schedule.to_sample(clean, noisy, timestep, "sample"), clean)
    torch.testing.assert_close(schedule.to_epsilon(clean, noisy, timestep), noise, rtol=1e-4, atol=1e-4)


def test_unit_steps_equal_diffusers_ddim():
    """N = S_tr moves one level at a time, exactly as DDIM over the whole schedule does."""
    schedule, reference = TruncatedSchedule(50, 0.2), diffusers_scheduler(50)
    reference.set_timesteps(50)
    noisy = expected = torch.randn(2, 3, 8, 5)
    timesteps = schedule.timesteps(10)
    for now, following in zip(timesteps, [*timesteps[1:], None], strict=True):
        sample = 0.5 * noisy.tanh()  # stands for a network's prediction
        noisy = schedule.step(sample, noisy, now, following)
        expected = reference.step(0.5 * expected.tanh(), now, expected, eta=0.0).prev_sample
        torch.testing.assert_close(noisy, expected)


@pytest.mark.parametrize("count", [1, 2, 5, 10])
def test_a_perfect_predictor_is_reached_whatever_the_number_of_steps(count):
    schedule = TruncatedSchedule(50, 0.2)
    target = torch.randn(2, 3, 8, 5)
    noisy = schedule.add_noise(torch.randn_like(target), torch.randn_like(target), torch.tensor([9, 9]))
    timesteps = schedule.timesteps(count)
    for now, following in zip(timesteps, [*timesteps[1:], None], strict=True):
        noisy = schedule.step(target, noisy, now, following)
    torch.testing.assert_close(noisy, target)
