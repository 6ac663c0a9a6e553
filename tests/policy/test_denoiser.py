"""The denoiser with shared context against a naive evaluation, anchor by anchor and step by step."""

import torch

from lerobot_anchorvla.policy.backbones.base import Context
from lerobot_anchorvla.policy.denoiser import BridgeDiT

BATCH, ANCHORS, HORIZON, ACTION, WIDTH = 3, 4, 6, 5, 32


def untrained(positive_rate: float) -> BridgeDiT:
    torch.manual_seed(0)
    return BridgeDiT(
        action_dim=ACTION,
        horizon=HORIZON,
        context_size=WIDTH,
        hidden_size=48,
        num_layers=3,
        num_heads=4,
        positive_rate=positive_rate,
    )


def make_denoiser() -> BridgeDiT:
    denoiser = untrained(positive_rate=0.25)
    for parameter in denoiser.parameters():
        torch.nn.init.normal_(parameter, std=0.15)
    return denoiser.eval()


def make_context(masked: bool = True) -> Context:
    generator = torch.Generator().manual_seed(1)

    def tokens(count: int) -> list[torch.Tensor]:
        return [torch.randn(BATCH, count, WIDTH, generator=generator) for _ in range(3)]

    mask = torch.ones(BATCH, 7, dtype=torch.bool)
    mask[0, 5:] = False
    return Context(
        task_tokens=tokens(7),
        query_tokens=tokens(3),
        proprio=torch.randn(BATCH, 1, WIDTH, generator=generator),
        task_mask=mask if masked else None,
    )


def naive(denoiser: BridgeDiT, noisy, timestep, context):
    """One anchor of one sample at a time, context projected anew and padding cut away, plain attention."""
    outputs, scores = torch.zeros(BATCH, ANCHORS, HORIZON, ACTION), torch.zeros(BATCH, ANCHORS)
    for b in range(BATCH):
        keep = torch.ones(7, dtype=torch.bool) if context.task_mask is None else context.task_mask[b]
        single = Context(
            task_tokens=[layer[b : b + 1, keep] for layer in context.task_tokens],
            query_tokens=[layer[b : b + 1] for layer in context.query_tokens],
            proprio=context.proprio[b : b + 1],
        )
        for m in range(ANCHORS):
            out = _naive_one(denoiser, noisy[b, m], timestep[b], single)
            outputs[b, m], scores[b, m] = out
    return outputs, scores


def _naive_one(denoiser, chunk, timestep, context):
    silu, layer_norm = torch.nn.functional.silu, torch.nn.functional.layer_norm
    half = 128
    frequency = 10_000.0 ** (-torch.arange(half) / half)
    angles = timestep * frequency
    features = torch.cat([angles.sin(), angles.cos()])
    pooled = torch.cat(
        [
            torch.cat([context.query_tokens[-1][0], context.proprio[0]]).mean(0),
            context.task_tokens[-1][0].mean(0),
        ]
    )
    c = silu(denoiser.embed_timestep(features) + denoiser.embed_pooled(pooled))
    x = denoiser.embed_action(chunk) + denoiser.step_position
    for block, task, queries in zip(denoiser.blocks, context.task_tokens, context.query_tokens, strict=True):
        s1, k1, g1, s2, k2, g2 = block.modulation(c).chunk(6)
        y = layer_norm(x, (48,)) * (1 + k1) + s1
        q, k, v = block.qkv_self(y).chunk(3, -1)
        ka, va = block.kv_queries(torch.cat([queries[0], context.proprio[0]])).chunk(2, -1)
        kt, vt = block.kv_task(task[0]).chunk(2, -1)
        keys, values = torch.cat([k, ka, torch.tanh(block.gate) * kt]), torch.cat([v, va, vt])
        heads = []
        for h in range(4):
            part = slice(12 * h, 12 * (h + 1))
            weights = (q[:, part] @ keys[:, part].T / 12**0.5).softmax(-1)
            heads.append(weights @ values[:, part])
        x = x + g1 * block.out(torch.cat(heads, -1))
        x = x + g2 * block.mlp(layer_norm(x, (48,)) * (1 + k2) + s2)
    shift, scale = denoiser.final_modulation(c).chunk(2)
    return denoiser.to_action(layer_norm(x, (48,)) * (1 + scale) + shift), denoiser.to_score(x.mean(0))[0]


@torch.no_grad()
def test_shared_context_equals_naive_evaluation():
    denoiser = make_denoiser()
    for masked in (True, False):
        context = make_context(masked)
        condition = denoiser.condition(context)
        for step in (0, 4, 9):
            noisy = torch.randn(BATCH, ANCHORS, HORIZON, ACTION)
            timestep = torch.tensor([step, 9 - step, 3])
            output = denoiser(noisy, timestep, condition)
            raw, scores = naive(denoiser, noisy, timestep, context)
            torch.testing.assert_close(output.raw, raw, rtol=1e-5, atol=1e-5)
            torch.testing.assert_close(output.scores, scores, rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_permuting_anchors_permutes_the_outputs():
    denoiser, noisy = make_denoiser(), torch.randn(BATCH, ANCHORS, HORIZON, ACTION)
    condition, timestep = denoiser.condition(make_context()), torch.tensor([1, 5, 9])
    order = torch.tensor([2, 0, 3, 1])
    output, permuted = denoiser(noisy, timestep, condition), denoiser(noisy[:, order], timestep, condition)
    torch.testing.assert_close(permuted.raw, output.raw[:, order])
    torch.testing.assert_close(permuted.scores, output.scores[:, order])


@torch.no_grad()
def test_a_subset_of_anchors_gets_the_same_result():
    denoiser, noisy = make_denoiser(), torch.randn(BATCH, ANCHORS, HORIZON, ACTION)
    condition, timestep = denoiser.condition(make_context()), torch.tensor([1, 5, 9])
    output, subset = denoiser(noisy, timestep, condition), denoiser(noisy[:, 1:3], timestep, condition)
    torch.testing.assert_close(subset.raw, output.raw[:, 1:3])


@torch.no_grad()
def test_the_instruction_padding_has_no_effect():
    denoiser, noisy = make_denoiser(), torch.randn(BATCH, ANCHORS, HORIZON, ACTION)
    context, timestep = make_context(), torch.tensor([1, 5, 9])
    before = denoiser(noisy, timestep, denoiser.condition(context))
    for layer in context.task_tokens:
        layer[0, 5:] = 1e3
    after = denoiser(noisy, timestep, denoiser.condition(context))
    torch.testing.assert_close(before.raw, after.raw)


def test_an_untrained_denoiser_predicts_zero_and_the_base_rate():
    denoiser = untrained(positive_rate=0.05)
    output = denoiser(
        torch.randn(BATCH, ANCHORS, HORIZON, ACTION),
        torch.tensor([1, 5, 9]),
        denoiser.condition(make_context()),
    )
    assert output.raw.abs().max() == 0
    assert output.scores.sigmoid().mean().item() < 0.2
