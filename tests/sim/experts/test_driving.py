import numpy as np
import pytest

from lerobot_anchorvla.sim.experts.driving import SPEED_LIMITS, drive_to_stance, wrapped


def test_never_faster_than_the_limits_and_always_towards_the_stance():
    rng = np.random.default_rng(0)
    for _ in range(200):
        error, heading = rng.uniform(-2, 2, 2), rng.uniform(-3, 3)
        velocity = drive_to_stance(error, heading, slack=0.01)
        assert (np.abs(velocity) <= SPEED_LIMITS + 1e-12).all()
        assert velocity[:2] @ error == pytest.approx(np.linalg.norm(velocity[:2]) * np.linalg.norm(error))
        assert velocity[2] * heading >= 0


def test_rests_within_the_slack():
    np.testing.assert_array_equal(drive_to_stance(np.array([0.02, -0.03]), 0.04, slack=0.05), np.zeros(3))


def test_arrives():
    """A base that obeys at once, stepped at the control rate."""
    position, heading = np.array([1.2, -0.3]), 0.6
    for _ in range(150):
        x, y, turn = drive_to_stance(position, heading, slack=0.01) / 15
        position, heading = position - [x, y], heading - turn
    assert np.linalg.norm(position) < 0.012 and abs(heading) < 0.012


def test_angles_are_wrapped():
    angles = np.linspace(-10, 10, 101)
    turned = np.array([wrapped(angle) for angle in angles])
    assert (turned >= -np.pi).all() and (turned < np.pi).all()
    np.testing.assert_allclose(np.exp(1j * turned), np.exp(1j * angles), atol=1e-12)
