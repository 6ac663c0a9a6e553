import subprocess
import sys

import numpy as np
import pytest

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.robot import ASSETS
from lerobot_anchorvla.sim.world import World

REST = np.concatenate([signals.ARM_REST, np.zeros(3)])


@pytest.fixture(scope="module", params=BASES)
def world(request):
    world = World(WorldOptions(base=request.param))
    yield world
    world.close()


@pytest.fixture
def at_origin(world):
    world.reset(np.random.default_rng(0), start=[0, 0, 0])
    return world


def test_arm_goes_where_it_is_told(at_origin):
    action = REST.copy()
    action[:6] = [20, -60, 60, 20, 40, 50]
    for _ in range(30):
        at_origin.step(action)
    np.testing.assert_allclose(
        at_origin.state()[:6], action[:6], atol=3.0
    )  # gravity bends the servos a little


@pytest.mark.parametrize(("axis", "speed"), [(0, 0.3), (1, 0.15), (2, 0.5)])
def test_base_follows_its_command_in_its_own_frame(world, axis, speed):
    world.reset(np.random.default_rng(0), start=[0, 0, 2.0])
    action = REST.copy()
    action[6 + axis] = speed
    velocities = []
    for tick in range(30):
        world.step(action)
        if tick >= 9:
            velocities.append(world.state()[6:])
    wanted = np.zeros(3)
    wanted[axis] = speed
    np.testing.assert_allclose(np.mean(velocities, axis=0), wanted, atol=0.08)


def test_target_is_seen_from_the_arm(world):
    world.reset(np.random.default_rng(0), start=[0.4, 0.1, 0.3])
    target = dict(zip(signals.TARGET_NAMES, world.target(), strict=True))
    heading = np.arctan2(target["target.sin"], target["target.cos"])
    assert heading == pytest.approx(-0.3, abs=1e-6)
    mount = world.data.body("arm_base")
    seen = np.array([target[f"target.{axis}"] for axis in "xyz"])
    handle = mount.xpos + mount.xmat.reshape(3, 3) @ seen
    np.testing.assert_allclose(handle, world.data.site("handle").xpos, atol=1e-9)
    jaws = handle - mount.xmat.reshape(3, 3) @ [target[f"gripper_to_target.{axis}"] for axis in "xyz"]
    assert np.linalg.norm(jaws - world.data.site("arm_gripperframe").xpos) == pytest.approx(
        np.hypot(0.016, 0.016), abs=1e-4
    )


def test_progress_is_the_opening_of_the_drawer(at_origin):
    assert at_origin.progress() == 0
    at_origin.data.joint("drawer_slide").qpos[:] = 0.07
    assert at_origin.progress() == pytest.approx(0.07)


def test_same_seed_same_start_and_other_seed_another(world):
    def start(seed):
        world.reset(np.random.default_rng(seed))
        return world.base.pose(world.data)

    np.testing.assert_array_equal(start(5), start(5))
    assert not np.array_equal(start(5), start(6))


@pytest.mark.parametrize("camera", signals.CAMERAS)
def test_the_hidden_parts_are_out_of_sight(world, camera):
    """Drawing everything gives the same image, at rest and with the arm stretched out."""
    everything = world._options["overview"]
    for arm in (signals.ARM_REST, [0, 35, 50, -85, 0, 55]):
        world.reset(np.random.default_rng(0), start=[1.0, 0, 0])
        world.data.qpos[world._arm_addresses] = signals.arm_to_radians(np.array(arm, dtype=float))
        world.step(np.concatenate([arm, np.zeros(3)]))
        image = world.render(camera, 96, 96).copy()
        chosen = world._options[camera]
        try:
            world._options[camera] = everything
            full = world.render(camera, 96, 96).copy()
        finally:
            world._options[camera] = chosen
        np.testing.assert_array_equal(image, full)


def test_images_have_the_wanted_size_and_show_something(at_origin):
    for camera in (*signals.CAMERAS, "overview"):
        image = at_origin.render(camera, 48, 64)
        assert image.shape == (48, 64, 3) and image.dtype == np.uint8
        assert image.std() > 10


def test_rendering_again_after_close(at_origin):
    image = at_origin.render("front", 32, 32).copy()
    at_origin.close()
    np.testing.assert_array_equal(at_origin.render("front", 32, 32), image)


@pytest.mark.parametrize("base", BASES)
def test_physics_that_diverge_are_a_fall_until_the_reset(base, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)  # MuJoCo writes a log into the folder that it runs in
    world = World(WorldOptions(base=base))
    world.reset(np.random.default_rng(0), start=[0, 0, 0])
    world.step(REST)
    assert not world.diverged() and not world.fallen()
    expected = world.true_state()
    world.data.qvel[0] = np.nan
    for _ in range(3):
        world.step(REST)
        assert world.diverged() and world.fallen() and not world.succeeded()
    world.reset(np.random.default_rng(0), start=[0, 0, 0])
    world.step(REST)
    assert not world.diverged() and not world.fallen()
    np.testing.assert_array_equal(world.true_state(), expected)


def test_nan_of_a_ticks_last_step_is_not_observed(at_origin, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    step, steps = mujoco.mj_step, []

    def step_into_nan(model, data):
        step(model, data)
        steps.append(data.time)
        if len(steps) == at_origin._substeps:
            data.qpos[0] = np.nan

    monkeypatch.setattr(mujoco, "mj_step", step_into_nan)
    at_origin.step(REST)
    assert at_origin.diverged()
    assert np.isfinite([*at_origin.state(), *at_origin.target()]).all()


@pytest.mark.parametrize(
    "start", [[0, 0], [[0, 0, 0]], [0, 0, np.nan], [np.inf, 0, 0], 0.5, "middle", [0, None, 0], {"x": 0}]
)
def test_a_start_that_is_none_is_refused_and_changes_nothing(at_origin, start):
    before = at_origin.data.qpos.copy()
    with pytest.raises(ValueError, match=r"start must be three finite numbers.*got"):
        at_origin.reset(np.random.default_rng(1), start=start)
    np.testing.assert_array_equal(at_origin.data.qpos, before)


def test_unknown_task_and_base_name_the_valid_ones():
    with pytest.raises(ValueError, match=r"task.*open_drawer.*'juggle'"):
        World(WorldOptions(task="juggle"))
    with pytest.raises(ValueError, match=r"base.*planar.*'wheels'"):
        World(WorldOptions(base="wheels"))


def test_without_mujoco_the_error_names_the_extra():
    code = "import sys; sys.modules['mujoco'] = None; import lerobot_anchorvla.sim.world"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'lerobot_policy_anchorvla[sim]'" in result.stderr


def test_assets_are_small_and_carry_their_licences():
    assert sum(file.stat().st_size for file in ASSETS.rglob("*")) < 2_500_000
    assert "Unitree" in (ASSETS / "go2" / "LICENSE").read_text()
    assert "Apache License" in (ASSETS / "so101" / "LICENSE").read_text()
    assert "Ziqi Fan" in (ASSETS / "gait" / "LICENSE").read_text()
