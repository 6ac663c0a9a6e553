import numpy as np
import pytest

from lerobot_anchorvla.sim.bases.velocity_trim import VelocityTrim

PERIOD = 0.02


def answers(command, plant, seconds):
    """Velocities (T, 3) of a robot that moves at `plant(trimmed command)`, a fifth of a second late."""
    trim, velocity, history = VelocityTrim(PERIOD), np.zeros(3), []
    for _ in range(round(seconds / PERIOD)):
        wanted = plant(trim(np.asarray(command, dtype=float), velocity))
        velocity = velocity + PERIOD / 0.2 * (wanted - velocity)
        history.append(velocity)
    return np.array(history)


def behind_a_dead_zone(command):
    return np.sign(command) * np.maximum(0, np.abs(command) - 0.1)


@pytest.mark.parametrize("command", [(0.3, 0, 0), (-0.05, 0.15, 0), (0.2, -0.1, 0.6)])
def test_brings_a_deaf_robot_to_its_command(command):
    velocities = answers(command, behind_a_dead_zone, seconds=6)
    np.testing.assert_allclose(velocities[-1], command, atol=0.01)


def test_takes_out_a_constant_drift():
    drift = np.array([0.05, -0.03, 0.1])
    velocities = answers(np.zeros(3), lambda command: command + drift, seconds=6)
    np.testing.assert_allclose(velocities[-1], 0, atol=1e-3)


def test_a_robot_that_cannot_move_does_not_wind_it_up_without_end():
    trim = VelocityTrim(PERIOD)
    command = np.array([0.4, 0.2, 0.8])
    for _ in range(2000):
        trimmed = trim(command, np.zeros(3))
    assert (trimmed < [1.3, 0.9, 2.3]).all()


def test_at_rest_it_asks_for_nothing():
    np.testing.assert_array_equal(VelocityTrim(PERIOD)(np.zeros(3), np.zeros(3)), np.zeros(3))
