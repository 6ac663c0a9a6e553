import torch

from lerobot_anchorvla.policy.fourier import OCTAVES, fourier_features, fourier_size


def test_each_number_is_itself_and_a_sine_and_cosine_of_every_octave():
    values = torch.randn(3, 2, 5)
    features = fourier_features(values)
    assert features.shape == (3, 2, fourier_size(5))
    torch.testing.assert_close(features[..., :5], values)
    sines, cosines = features[..., 5:].unflatten(-1, (2, 5, OCTAVES)).unbind(-3)
    for octave in range(OCTAVES):
        torch.testing.assert_close(sines[..., octave], (2**octave * values).sin())
        torch.testing.assert_close(cosines[..., octave], (2**octave * values).cos())


def test_a_perceptron_of_them_learns_a_step_that_one_of_bare_numbers_does_not():
    """A hundredth of the range apart: close the gripper or not."""
    torch.manual_seed(0)
    x = torch.linspace(-1, 1, 401).unsqueeze(1)
    target = ((x > 0.1) & (x < 0.16)).float()

    def error(inputs: torch.Tensor) -> float:
        net = torch.nn.Sequential(
            torch.nn.Linear(inputs.shape[1], 64), torch.nn.GELU(), torch.nn.Linear(64, 1)
        )
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        for _ in range(400):
            loss = (net(inputs) - target).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    assert error(fourier_features(x)) < 0.5 * error(x)


def test_the_number_of_features_is_known_before_there_are_any():
    assert fourier_size(1) == fourier_features(torch.zeros(1)).shape[0]
