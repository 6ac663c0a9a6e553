import math

import numpy as np
import torch

from lerobot_anchorvla.sim.gait import GAIT_JOINTS, STAND, Gait, GaitNetwork
from lerobot_anchorvla.sim.layout import LEG_PARTS, LEGS

OBSERVATIONS = np.random.default_rng(0).normal(size=(20, 45)).clip(-3, 3)


def test_network_is_a_perceptron_with_exponential_linear_units():
    """By hand, number by number."""
    rng = np.random.default_rng(0)
    layers = [
        (rng.normal(size=shape).astype(np.float32), rng.normal(size=shape[0]).astype(np.float32))
        for shape in ((4, 3), (2, 4))
    ]
    values = [0.5, -1.0, 2.0]
    hidden = []
    for weights, offset in zip(*layers[0], strict=True):
        total = sum(float(w) * v for w, v in zip(weights, values, strict=True)) + float(offset)
        hidden.append(total if total > 0 else math.exp(total) - 1)
    expected = [
        sum(float(w) * h for w, h in zip(weights, hidden, strict=True)) + float(offset)
        for weights, offset in zip(*layers[1], strict=True)
    ]
    np.testing.assert_allclose(GaitNetwork(layers)(np.array(values)), expected, rtol=1e-5)


def test_network_agrees_with_torch():
    network = GaitNetwork.load()
    modules: list[torch.nn.Module] = []
    for weights, offsets in network._layers:
        linear = torch.nn.Linear(weights.shape[1], weights.shape[0])
        linear.weight.data, linear.bias.data = torch.from_numpy(weights), torch.from_numpy(offsets)
        modules += [linear, torch.nn.ELU()]
    with torch.no_grad():
        expected = torch.nn.Sequential(*modules[:-1])(torch.from_numpy(OBSERVATIONS).float())
    answers = np.array([network(each) for each in OBSERVATIONS])
    np.testing.assert_allclose(answers, expected.numpy(), atol=2e-5)


def test_network_has_the_published_shape():
    shapes = [weights.shape for weights, _ in GaitNetwork.load()._layers]
    assert shapes == [(512, 45), (256, 512), (128, 256), (12, 128)]


def test_the_last_output_is_a_part_of_the_input_until_it_is_forgotten():
    gait = Gait(GaitNetwork.load())
    still = (np.zeros(3), np.array([0, 0, -1.0]), np.zeros(3), STAND, np.zeros(12))
    first, second = gait.joint_targets(*still), gait.joint_targets(*still)
    assert np.abs(first - second).max() > 1e-3
    gait.reset()
    np.testing.assert_array_equal(gait.joint_targets(*still), first)


def test_every_joint_of_the_legs_is_driven():
    assert sorted(GAIT_JOINTS) == sorted(f"{leg}_{part}" for leg in LEGS for part in LEG_PARTS)
