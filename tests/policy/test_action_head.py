"""Losses against hand-written loops, samplers against their definition, selection against its law."""

import math

import pytest
import torch

from lerobot_anchorvla.policy.action_head import Selection, masked_mean
from tests.policy.synthetic import make_batch, make_policy


def encode(policy, batch):
    return policy._encode(batch, policy.layout.state(batch))


@torch.no_grad()
def test_anchored_loss_equals_a_hand_written_loop():
    policy, batch = make_policy(num_negatives=None), make_batch()
    head, context = policy.head, encode(policy, batch)
    actions, is_pad = batch["action"], batch["action_is_pad"]
    torch.manual_seed(3)
    loss, metrics = head.loss(context, actions, is_pad)

    torch.manual_seed(3)
    count, anchors = len(actions), head.vocabulary.anchors
    order = torch.rand(count, len(anchors))
    positives = []
    for b in range(count):
        real = ~is_pad[b]
        positives.append(min(range(len(anchors)), key=lambda m: (actions[b] - anchors[m])[real].abs().sum()))
        order[b, positives[b]] = 2
    index = order.topk(len(anchors), dim=1).indices
    timestep = torch.randint(head.schedule.truncated_steps, (count,))
    noise = torch.randn_like(anchors[index])
    alphas = head.schedule.alphas_cumprod[timestep].view(-1, 1, 1, 1)
    noisy = alphas.sqrt() * anchors[index] + (1 - alphas).sqrt() * noise
    output = head.denoiser(noisy, timestep, head.denoiser.condition(context))
    absolute, elements, cross_entropy = 0.0, 0, 0.0
    for b in range(count):
        for step in range(actions.shape[1]):
            if not is_pad[b, step]:
                absolute += (output.raw[b, 0, step] - actions[b, step]).abs().sum().item()
                elements += actions.shape[2]
        for m in range(len(anchors)):
            p = 1 / (1 + math.exp(-output.scores[b, m].item()))
            is_positive = index[b, m].item() == positives[b]
            cross_entropy -= math.log(p if is_positive else 1 - p)
    expected = absolute / elements + cross_entropy / (count * len(anchors))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert metrics["reconstruction_l1"] == pytest.approx(absolute / elements, rel=1e-5)


@torch.no_grad()
def test_sampled_negatives_leave_the_expected_score_loss_unchanged():
    policy = make_policy()
    scores_of_all = torch.randn(1, 6)  # positive first
    whole = policy.head._score_loss(scores_of_all)
    generator = torch.Generator().manual_seed(0)
    sampled = [
        policy.head._score_loss(
            torch.cat(
                [scores_of_all[:, :1], scores_of_all[:, 1:][:, torch.randperm(5, generator=generator)[:2]]],
                dim=1,
            )
        )
        for _ in range(4000)
    ]
    assert torch.stack(sampled).mean().item() == pytest.approx(whole.item(), rel=0.02)


def test_negatives_are_distinct_and_never_the_positive():
    policy = make_policy(num_negatives=3)
    positive = torch.randint(6, (500,))
    index = policy.head._evaluated_anchors(positive)
    assert index.shape == (500, 4)
    assert (index[:, 0] == positive).all()
    assert all(len(set(row)) == 4 for row in index.tolist())


def test_padded_steps_do_not_reach_the_loss():
    error = torch.ones(2, 3, 2)
    error[0, 1:] = 1e6
    is_pad = torch.tensor([[False, True, True], [False, False, False]])
    assert masked_mean(error, is_pad).item() == 1.0


@torch.no_grad()
@pytest.mark.parametrize("prediction_type", ["sample", "offset", "epsilon"])
@pytest.mark.parametrize("steps", [1, 2, 5, 10])
def test_choosing_early_equals_denoising_everything(prediction_type, steps):
    policy = make_policy(prediction_type=prediction_type, num_inference_steps=steps)
    batch = make_batch()
    context, noise = encode(policy, batch), torch.randn(5, *policy.head.noise_shape)
    candidates = policy.head.candidates(context, noise)
    chosen = policy.head.choose(context, noise, Selection())
    best = candidates.scores.argmax(dim=1)
    torch.testing.assert_close(chosen.index, best)
    torch.testing.assert_close(chosen.chunk, candidates.chunks[torch.arange(5), best], rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_sampler_at_full_length_equals_unit_steps():
    policy, batch = make_policy(num_inference_steps=10), make_batch()
    head, context = policy.head, encode(policy, batch)
    noise = torch.randn(5, *head.noise_shape)
    abar = head.schedule.alphas_cumprod
    x = abar[9].sqrt() * head.vocabulary.anchors + (1 - abar[9]).sqrt() * noise
    for tau in range(9, -1, -1):
        output = head.denoiser(x, torch.full((5,), tau), head.denoiser.condition(context))
        before = abar[tau - 1] if tau else torch.tensor(1.0)
        epsilon = (x - abar[tau].sqrt() * output.raw) / (1 - abar[tau]).sqrt()
        x = before.sqrt() * output.raw + (1 - before).sqrt() * epsilon
    torch.testing.assert_close(head.candidates(context, noise).chunks, x, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_score_step_reads_the_first_or_the_last_scores():
    batch = make_batch()
    first, last = (make_policy(score_step=step, num_inference_steps=3) for step in ("first", "last"))
    context, noise = encode(first, batch), torch.randn(5, *first.head.noise_shape)
    condition, tau = first.head.denoiser.condition(context), first.head.timesteps
    x = first.head._start(noise)
    scores = []
    for now, following in zip(tau, [*tau[1:], None], strict=True):
        output = first.head.denoiser(x, torch.full((5,), now), condition)
        scores.append(output.scores)
        x = first.head.schedule.step(output.raw, x, now, following)
    torch.testing.assert_close(first.head.candidates(context, noise).scores, scores[0])
    torch.testing.assert_close(last.head.candidates(context, noise).scores, scores[-1])
    torch.testing.assert_close(last.head.choose(context, noise, Selection()).scores, scores[-1])


@torch.no_grad()
@pytest.mark.parametrize("head", ["anchored", "gaussian", "regression"])
def test_the_answer_for_a_sample_does_not_depend_on_its_batch(head):
    policy, batch = make_policy(head=head), make_batch()
    noise = torch.randn(5, *policy.head.noise_shape)
    together = policy.predict_candidates(batch, noise)
    for row in range(5):
        part = {name: value[row : row + 1] for name, value in batch.items()}
        alone = policy.predict_candidates(part, noise[row : row + 1])
        torch.testing.assert_close(alone.chunks[0], together.chunks[row], rtol=1e-4, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize(("loss", "power"), [("l1", 1), ("mse", 2)])
def test_regression_loss(loss, power):
    policy, batch = make_policy(head="regression", regression_loss=loss), make_batch()
    context = encode(policy, batch)
    value, _ = policy.head.loss(context, batch["action"], batch["action_is_pad"])
    error = (policy.head.candidates(context, torch.zeros(5)).chunks[:, 0] - batch["action"]).abs() ** power
    assert value.item() == pytest.approx(error[~batch["action_is_pad"]].mean().item(), rel=1e-5)


@torch.no_grad()
def test_gaussian_loss():
    policy, batch = make_policy(head="gaussian"), make_batch()
    context, actions = encode(policy, batch), batch["action"]
    torch.manual_seed(5)
    value, _ = policy.head.loss(context, actions, batch["action_is_pad"])
    torch.manual_seed(5)
    timestep = torch.randint(50, (5,))
    noise = torch.randn_like(actions)
    alphas = policy.head.schedule.alphas_cumprod[timestep].view(-1, 1, 1)
    noisy = alphas.sqrt() * actions + (1 - alphas).sqrt() * noise
    raw = policy.head.denoiser(noisy[:, None], timestep, policy.head.denoiser.condition(context)).raw[:, 0]
    error = (raw - actions).square()[~batch["action_is_pad"]]
    assert value.item() == pytest.approx(error.mean().item(), rel=1e-5)


def test_sampled_selection_follows_the_scores():
    probabilities = torch.tensor([0.6, 0.3, 0.1])
    scores = torch.logit(probabilities).expand(20_000, 3)
    drawn = Selection("sample", 1.0, torch.Generator().manual_seed(0))(scores)
    share = torch.bincount(drawn, minlength=3) / len(drawn)
    torch.testing.assert_close(share, probabilities, rtol=0, atol=0.015)


def test_a_low_temperature_approaches_argmax():
    scores = torch.randn(500, 7)
    drawn = Selection("sample", 1e-3, torch.Generator().manual_seed(0))(scores)
    assert (drawn == scores.argmax(dim=1)).float().mean().item() > 0.99


@torch.no_grad()
def test_following_takes_the_positive_anchor():
    policy, batch = make_policy(), make_batch()
    context, noise = encode(policy, batch), torch.randn(5, *policy.head.noise_shape)
    positive, _ = policy.vocabulary.nearest(batch["action"], batch["action_is_pad"])
    followed = policy.head.follow(context, noise, batch["action"], batch["action_is_pad"])
    expected = policy.head.candidates(context, noise).chunks[torch.arange(5), positive]
    torch.testing.assert_close(followed, expected, rtol=1e-4, atol=1e-5)


def test_denoised_scores_are_those_of_the_samplers_second_step():
    policy, batch = make_policy(score_inputs="denoised", num_inference_steps=2), make_batch()
    head, context = policy.head, encode(policy, batch)
    condition = head.denoiser.condition(context)
    anchors = head.vocabulary.anchors.expand(5, -1, -1, -1)
    torch.manual_seed(2)
    scores = head._scores_of_denoised(anchors, condition)

    torch.manual_seed(2)
    torch.randint(1, 2, ())
    abar = head.schedule.alphas_cumprod
    noisy = abar[9].sqrt() * anchors + (1 - abar[9]).sqrt() * torch.randn_like(anchors)
    sample = head.denoiser(noisy, torch.full((5,), 9), condition).raw
    epsilon = (noisy - abar[9].sqrt() * sample) / (1 - abar[9]).sqrt()
    moved = (abar[0].sqrt() * sample + (1 - abar[0]).sqrt() * epsilon).detach()
    expected = head.denoiser(moved, torch.zeros(5, dtype=torch.int64), condition).scores
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4)


def test_training_on_denoised_chunks_adds_their_score_loss():
    batch, metrics = make_batch(), {}
    for inputs in ("noised", "denoised"):
        policy = make_policy(score_inputs=inputs)
        torch.manual_seed(1)
        _, metrics[inputs] = policy(batch)
    assert metrics["noised"]["reconstruction_l1"] == metrics["denoised"]["reconstruction_l1"]
    assert metrics["noised"]["score_loss"] != metrics["denoised"]["score_loss"]


def test_the_sampler_passes_no_gradient_to_the_scores():
    policy, batch = make_policy(score_inputs="denoised"), make_batch()
    head = policy.head
    denoise, graphs = head._denoise, []
    head._denoise = lambda *arguments: graphs.append(torch.is_grad_enabled()) or denoise(*arguments)
    policy(batch)[0].backward()
    assert graphs == [False]
    assert head.denoiser.to_score[-1].weight.grad.abs().sum() > 0
