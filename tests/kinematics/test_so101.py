import numpy as np
import pytest

from lerobot_anchorvla.kinematics import so101
from lerobot_anchorvla.kinematics.so101 import LOWER_LIMITS, UPPER_LIMITS, InverseKinematics
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.robot import ASSETS


@pytest.fixture(scope="module")
def arm():
    """The vendored model of the arm, on its own."""
    model = mujoco.MjModel.from_xml_path(str(ASSETS / "so101" / "so101_new_calib.xml"))
    return model, mujoco.MjData(model)


def random_joints(rng, share=1.0):
    middle, half = (LOWER_LIMITS + UPPER_LIMITS) / 2, (UPPER_LIMITS - LOWER_LIMITS) / 2
    return middle + share * half * rng.uniform(-1, 1, 5)


def test_forward_agrees_with_mujoco(arm):
    model, data = arm
    rng = np.random.default_rng(0)
    for _ in range(100):
        joints = random_joints(rng)
        data.qpos[:5] = joints
        mujoco.mj_kinematics(model, data)
        site = data.site("gripperframe")
        rotation = site.xmat.reshape(3, 3)
        pose = so101.forward(joints)
        np.testing.assert_allclose(pose[:3, 3], site.xpos + rotation @ so101.GRASP_OFFSET, atol=1e-5)
        np.testing.assert_allclose(pose[:3, :3], rotation, atol=1e-4)


def test_limits_are_those_of_the_model(arm):
    limits = arm[0].actuator_ctrlrange[:5].T
    np.testing.assert_allclose(limits, [LOWER_LIMITS, UPPER_LIMITS], atol=1e-4)


def test_jacobian_agrees_with_finite_differences():
    rng = np.random.default_rng(1)
    step = 1e-6
    for _ in range(20):
        joints = random_joints(rng)
        pose, jacobian = so101.forward_with_jacobian(joints)
        for j in range(5):
            moved = so101.forward(joints + step * np.eye(5)[j])
            np.testing.assert_allclose((moved[:3, 3] - pose[:3, 3]) / step, jacobian[:3, j], atol=1e-5)
            turn = so101.rotation_vector(moved[:3, :3] @ pose[:3, :3].T) / step
            np.testing.assert_allclose(turn, jacobian[3:, j], atol=1e-4)


@pytest.mark.parametrize("angle", [0.0, 1e-8, 0.7, 3.0, np.pi - 1e-6])
def test_rotation_vector_inverts_rodrigues(angle):
    axis = np.array([2.0, -1.0, 0.5]) / np.linalg.norm([2.0, -1.0, 0.5])
    cross = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    rotation = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    vector = so101.rotation_vector(rotation)
    if angle > np.pi - 1e-4:  # both signs of the axis are right
        vector = vector * np.sign(vector @ axis)
    np.testing.assert_allclose(vector, angle * axis, atol=1e-5)


def test_inverse_reaches_what_forward_gives():
    rng = np.random.default_rng(2)
    errors = []
    for _ in range(60):
        joints = random_joints(rng, share=0.7)
        pose = so101.forward(joints)
        found = InverseKinematics().solve(joints + rng.normal(0, 0.35, 5), pose)
        errors.append(np.linalg.norm(so101.forward(found)[:3, 3] - pose[:3, 3]))
    assert np.quantile(errors, 0.95) < 1e-4


def test_position_comes_before_orientation():
    rng = np.random.default_rng(3)
    turn = np.deg2rad(25)
    tilt = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    solver = InverseKinematics(orientation_weight=0.02)
    errors = []
    for _ in range(30):
        joints = random_joints(rng, share=0.6)
        pose = so101.forward(joints)
        pose[:3, :3] = pose[:3, :3] @ tilt
        errors.append(np.linalg.norm(so101.forward(solver.solve(joints, pose))[:3, 3] - pose[:3, 3]))
    assert np.median(errors) < 2e-3


def test_inverse_keeps_the_limits_when_the_target_is_out_of_reach():
    pose = np.eye(4)
    pose[:3, 3] = [2.0, 1.5, 1.0]
    found = InverseKinematics(iterations=50).solve(np.zeros(5), pose)
    assert (found >= LOWER_LIMITS).all() and (found <= UPPER_LIMITS).all()


def test_one_iteration_moves_no_joint_further_than_the_step_limit():
    pose = so101.forward(np.full(5, 1.2))
    found = InverseKinematics(iterations=1, step_limit=0.1).solve(np.zeros(5), pose)
    assert 0 < np.abs(found).max() <= 0.1 + 1e-12
