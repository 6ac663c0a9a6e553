import pytest
import torch

from lerobot_anchorvla.evaluation.scores import score_quality
from tests.policy.synthetic import make_batch, make_policy


def test_hits_and_probabilities_agree_with_counting_by_hand():
    policy, batch = make_policy(), make_batch(4)
    quality = score_quality(policy, [batch, batch], "first")
    generator = torch.Generator().manual_seed(0)
    hits, total = 0, 0.0
    for _ in range(2):
        noise = torch.randn(4, *policy.head.noise_shape, generator=generator)
        candidates = policy.predict_candidates(batch, noise)
        for sample in range(4):
            real = ~batch["action_is_pad"][sample]
            gap = (batch["action"][sample] - policy.vocabulary.anchors).abs()[:, real].sum(dim=(1, 2))
            hits += int(candidates.scores[sample].argmax() == gap.argmin())
            total += float(candidates.scores[sample].sigmoid().sum())
    assert (quality.hits.successes, quality.hits.trials) == (hits, 8)
    assert quality.probability_sum == pytest.approx(total / 8, rel=1e-5)


def test_first_and_last_step_are_told_apart_and_the_policy_is_left_as_it_was():
    policy, batch = make_policy(), make_batch(4)
    first, last = (score_quality(policy, [batch], step).probability_sum for step in ("first", "last"))
    assert first != last
    assert policy.head.score_step == "first"


def test_a_head_without_anchors_is_refused():
    with pytest.raises(ValueError, match="head 'regression' has no anchors"):
        score_quality(make_policy(head="regression"), [make_batch()], "first")
