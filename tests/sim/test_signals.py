import numpy as np
import pytest

from lerobot_anchorvla.sim import signals


def test_units_go_there_and_back():
    positions = np.array([10.0, -95.0, 85.0, 30.0, -120.0, 37.0])
    np.testing.assert_allclose(signals.arm_from_radians(signals.arm_to_radians(positions)), positions)


def test_gripper_runs_from_closed_to_open():
    closed, opened = (signals.arm_to_radians(np.array([0, 0, 0, 0, 0, g]))[5] for g in (0.0, 100.0))
    assert (closed, opened) == tuple(signals.GRIPPER_LIMITS)


def test_actions_are_clipped_to_the_limits():
    np.testing.assert_array_equal(signals.checked_action(np.full(9, 1e6)), signals.ACTION_HIGH)
    np.testing.assert_array_equal(signals.checked_action(np.full(9, -1e6)), signals.ACTION_LOW)


def test_an_action_that_is_not_finite_is_refused_by_name():
    action = np.zeros(9)
    action[7] = np.nan
    with pytest.raises(ValueError, match=r"y\.vel"):
        signals.checked_action(action)


def test_an_action_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(9,\).*\(6,\)"):
        signals.checked_action(np.zeros(6))
