import numpy as np
import pytest

from lerobot_anchorvla.sim.bases import BASES, make_base
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.scene import build_model
from lerobot_anchorvla.sim.world import World

VARYING = [(task, level) for task in ("open_drawer", "lift_bag") for level in ("moved", "hard")]

# Of bounding boxes within bodies, which are not used any more; and of the sum of all masses and what MuJoCo
# measures from its centre: tracking cameras and lights, of which there are none.
UNUSED = {"bvh_aabb", "bvh_nodeid", "bvh_child", "bvh_depth", "cam_poscom0", "light_poscom0"}


def arrays(model):
    names = [name for name in dir(model) if not name.startswith("_") and name not in UNUSED]
    found = {name: getattr(model, name) for name in names}
    found["body_subtreemass"] = model.body_subtreemass[1:]  # without the world's
    return {name: value.copy() for name, value in found.items() if isinstance(value, np.ndarray)}


def assert_equal(one, two):
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name], err_msg=name)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("task", "level"), VARYING)
def test_an_edited_model_equals_one_compiled_for_the_episode(task, level, base):
    world = World(WorldOptions(task=task, level=level, base=base))
    before = arrays(world.model)
    for seed in (1, 2):
        world.reset(np.random.default_rng(seed))
        assert_equal(arrays(world.model), arrays(build_model(make_base(base), world.task)))
    assert not np.array_equal(world.model.geom_pos, before["geom_pos"])


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(("task", "level"), VARYING)
def test_an_episode_does_not_depend_on_the_one_before(task, level, base):
    fresh, used = (World(WorldOptions(task=task, level=level, base=base)) for _ in range(2))
    used.reset(np.random.default_rng(5))
    for world in (fresh, used):
        world.reset(np.random.default_rng(6))
    assert_equal(arrays(fresh.model), arrays(used.model))
    np.testing.assert_array_equal(fresh.data.qpos, used.data.qpos)
    np.testing.assert_array_equal(fresh.target(), used.target())
    assert fresh.task.instruction == used.task.instruction


@pytest.mark.parametrize("task", ["open_drawer", "lift_bag"])
def test_at_fixed_the_model_stays_as_it_was_compiled(task):
    world = World(WorldOptions(task=task, base="planar"))
    before = arrays(world.model)
    world.reset(np.random.default_rng(1))
    assert_equal(arrays(world.model), before)
    assert not world.model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_MIDPHASE


@pytest.mark.parametrize("task", ["open_drawer", "lift_bag"])
def test_edited_furniture_collides_where_it_stands(task):
    """A robot that walks into it moves as in a model that was compiled for the episode."""
    edited, compiled = (World(WorldOptions(task=task, level="moved", base="planar")) for _ in range(2))
    edited.reset(np.random.default_rng(3))
    compiled.model = build_model(compiled.base, edited.task)
    compiled.data = mujoco.MjData(compiled.model)
    handle, _ = edited.task.target(edited.data)
    for world in (edited, compiled):
        world.reset(np.random.default_rng(3), start=[handle[0] - 0.65, handle[1], 0.0])
    assert not compiled.model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_MIDPHASE
    arm = [0.0, 20.0, 55.0, -75.0, 0.0, 30.0]
    resting = edited.data.ncon
    contacts = []
    for _ in range(40):
        for world in (edited, compiled):
            world.step(np.array([*arm, 0.3, 0.0, 0.0]))
        contacts.append(edited.data.ncon)
        # To rounding: the two models find the same contacts in another order.
        np.testing.assert_allclose(edited.data.qpos, compiled.data.qpos, atol=1e-6)
    assert max(contacts) > resting
