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
    towards,
)


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


def test_ramp_step_and_limit():
    assert [ramp(value, 0.8, 0.2) for value in (0.9, 0.8, 0.5, 0.2, 0.1)] == pytest.approx([0, 0, 0.5, 1, 1])
    assert (step(1.0, 9.0, 2.0), step(1.0, -9.0, 2.0), step(1.0, 1.5, 2.0)) == (3.0, -1.0, 1.5)
    np.testing.assert_allclose(limited(np.array([3.0, 4.0]), 1.0), [0.6, 0.8])
    np.testing.assert_array_equal(limited(np.array([0.3, 0.4]), 1.0), [0.3, 0.4])
