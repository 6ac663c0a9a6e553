import numpy as np
import pytest

from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import Place
from lerobot_anchorvla.sim.tasks.cabinet import GAP, HEIGHT, Cabinet, add_cabinet, draw_cabinet
from lerobot_anchorvla.sim.tasks.clutter import BOXES, CYLINDERS

FIXED = Cabinet(Place(1.75, 0.0, 0.0), width=0.5, front=0.16, handles=(0.42,), target=0, clutter=())


def cabinets(level, count=200):
    return [draw_cabinet(LEVELS[level], np.random.default_rng(seed)) for seed in range(count)]


def compiled(cabinet):
    spec = mujoco.MjSpec()
    add_cabinet(spec, cabinet)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return model, data


def distance(model, data, one, two):
    return mujoco.mj_geomDistance(model, data, one, two, 5.0, None)


def test_at_fixed_it_never_differs():
    assert set(cabinets("fixed")) == {FIXED}


@pytest.mark.parametrize("level", ["moved", "hard"])
def test_a_seed_gives_one_cabinet_and_another_seed_another(level):
    assert cabinets(level) == cabinets(level)
    assert len(set(cabinets(level))) == 200


@pytest.mark.parametrize("level", ["moved", "hard"])
def test_its_numbers_fill_their_ranges(level):
    drawn, ranges = cabinets(level), LEVELS[level]
    columns = [
        ([each.place.x - FIXED.place.x for each in drawn], ranges.place.x),
        ([each.place.y for each in drawn], ranges.place.y),
        ([each.place.yaw for each in drawn], ranges.place.yaw),
        ([each.width for each in drawn], ranges.cabinet.width),
        ([each.front for each in drawn], ranges.cabinet.front),
        *(([each.handles[i] for each in drawn], these) for i, these in enumerate(ranges.cabinet.handles)),
    ]
    for values, (low, high) in columns:
        assert low - 1e-9 <= min(values) < low + 0.1 * (high - low)
        assert high + 1e-9 >= max(values) > high - 0.1 * (high - low)


def test_either_drawer_may_be_named():
    names = [cabinet.names[cabinet.target] for cabinet in cabinets("hard")]
    assert 60 < names.count("upper drawer") == 200 - names.count("lower drawer") < 140


@pytest.mark.parametrize("level", ["moved", "hard"])
def test_the_drawers_fit_into_the_cabinet_one_above_the_other(level):
    ranges = LEVELS[level].cabinet
    reach = ranges.front[1] / 2 + GAP
    assert ranges.handles[0][1] + reach < HEIGHT - 0.01
    assert ranges.handles[-1][0] - reach > 0.02
    for (low, _), (_, high) in zip(ranges.handles, ranges.handles[1:], strict=False):
        assert low - high > 2 * reach


def test_one_drawer_passes_the_other():
    for cabinet in cabinets("hard", count=10):
        model, data = compiled(cabinet)
        parts = {"upper": [], "lower": []}
        for geom in range(model.ngeom):
            parts.get(model.geom(geom).name.partition("_")[0], []).append(geom)
        assert len(parts["upper"]) == len(parts["lower"]) == 8
        for openings in ((0.0, 0.0), (0.25, 0.0), (0.0, 0.25)):
            data.qpos[:] = openings
            mujoco.mj_forward(model, data)
            gaps = [distance(model, data, one, two) for one in parts["upper"] for two in parts["lower"]]
            assert min(gaps) > 0.004


def test_the_clutter_keeps_clear_of_everything_and_of_the_way_of_the_robot():
    for cabinet in cabinets("hard", count=40):
        model, data = compiled(cabinet)
        clutter = [model.geom(name).id for name in BOXES + CYLINDERS]
        others = [i for i in range(model.ngeom) if i not in clutter]
        for i, item in enumerate(clutter):
            assert min(distance(model, data, item, other) for other in others + clutter[:i]) > 0.01
        for item in cabinet.clutter:
            assert item.place.x - item.radius > 0  # behind the plane of the front


def test_the_clutter_stands_on_the_floor():
    model, data = compiled(cabinets("hard", count=1)[0])
    for name in BOXES + CYLINDERS:
        geom = model.geom(name).id
        half_height = model.geom_size[geom, 2 if name in BOXES else 1]
        assert data.geom_xpos[geom, 2] == pytest.approx(half_height)
