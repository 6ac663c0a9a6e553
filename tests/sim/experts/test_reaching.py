import numpy as np
import pytest

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.sim.experts.reaching import (
    JOINT_LEAD,
    gripper_pose,
    joints_for,
    limited,
    ramp,
    step,
    straight_towards,
    towards,
    unfolded,
    weight_lead,
)
from lerobot_anchorvla.sim.signals import ARM_REST


@pytest.mark.parametrize("approach", [(1, 0, 0), (0.6, -0.8, 0), (0.8, 0, -0.6)])
def test_pose_is_a_rotation_that_points_along_the_approach_and_is_level_sideways(approach):
    pose = gripper_pose(np.array([0.3, 0.1, 0.2]), np.array(approach, dtype=float))
    rotation = pose[:3, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(rotation[:, 0], approach)
    assert rotation[2, 1] == pytest.approx(0) and rotation[2, 2] > 0
    np.testing.assert_array_equal(pose[:3, 3], [0.3, 0.1, 0.2])


def test_joints_bring_the_grasp_point_there():
    point, approach = np.array([0.30, 0.02, 0.05]), np.array([1.0, 0.0, 0.0])
    pose = so101.forward(np.deg2rad(joints_for(so101.InverseKinematics(), point, approach)))
    np.testing.assert_allclose(pose[:3, 3], point, atol=2e-3)
    assert pose[:3, 0] @ approach > 0.99


def test_joint_targets_lead_the_measured_joints_by_a_limited_step():
    measured = np.array([0.0, 10, -20, 30, 0])
    way = np.array([0, 2, -2, 90, -90])
    lead = towards(measured, measured + way) - measured
    np.testing.assert_allclose(lead, [0, 2.5, -2.5, JOINT_LEAD, -JOINT_LEAD])


def test_a_straight_lead_keeps_its_direction():
    measured = np.array([0.0, 10, -20, 30, 0])
    way = np.array([0, 2, -2, 90, -45])
    lead = straight_towards(measured, measured + way) - measured
    np.testing.assert_allclose(lead, way * JOINT_LEAD / 90)
    for short in (np.zeros(5), way / 90):
        joints = measured + short
        np.testing.assert_allclose(straight_towards(measured, joints), towards(measured, joints))


def test_a_sagging_arm_is_sent_higher_the_further_it_reaches():
    solver, approach = so101.InverseKinematics(), np.array([0.8, 0.0, -0.6])
    for reach, raised in ((0.2, 0.004), (0.3, 0.009)):
        point = np.array([reach, 0.0, -0.05])
        sent = joints_for(solver, point, approach, sag=0.1)
        point[2] += raised
        np.testing.assert_allclose(sent, joints_for(solver, point, approach), atol=1e-6)


def test_the_lead_for_a_weight_is_the_torque_that_lifts_it_over_the_stiffness():
    """A small turn of a joint raises the mass; energy over angle is the torque."""
    joints, mass, turn = np.array([10.0, 60.0, 15.0, -35.0, 4.0]), 0.4, 1e-3
    lead = weight_lead(joints, mass)
    for joint in range(5):
        moved = joints + np.rad2deg(turn) * (np.arange(5) == joint)
        height, before = (so101.forward(np.deg2rad(each))[2, 3] for each in (moved, joints))
        torque = mass * 9.81 * (height - before) / turn
        assert lead[joint] == pytest.approx(np.rad2deg(torque / 17.8), abs=0.02)
    assert lead[1] < -3  # the shoulder's joint counts downwards


def test_the_arm_is_folded_far_from_the_stance_and_unfolded_at_it():
    joints, gripper = np.arange(5.0), 55.0
    folded = unfolded(0.9, joints, gripper)
    np.testing.assert_array_equal([*folded[0], folded[1]], ARM_REST)
    at_stance = unfolded(0.1, joints, gripper)
    np.testing.assert_allclose([*at_stance[0], at_stance[1]], [*joints, gripper])


def test_ramp_step_and_limit():
    assert [ramp(value, 0.8, 0.2) for value in (0.9, 0.8, 0.5, 0.2, 0.1)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert (step(1.0, 9.0, 2.0), step(1.0, -9.0, 2.0), step(1.0, 1.5, 2.0)) == (3.0, -1.0, 1.5)
    np.testing.assert_allclose(limited(np.array([3.0, 4.0]), 1.0), [0.6, 0.8])
    np.testing.assert_array_equal(limited(np.array([0.3, 0.4]), 1.0), [0.3, 0.4])
