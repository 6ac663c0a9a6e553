from dataclasses import replace

import numpy as np
import pytest

from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

CAMERAS = ("front", "overview")


def looks(world):
    """Everything that the switches may change, as one list of arrays."""
    model = world.model
    arrays = (model.mat_rgba, model.tex_data, model.light_dir, model.light_diffuse)
    headlight = model.vis.headlight
    return [array.copy() for array in (*arrays, headlight.ambient, headlight.diffuse)]


def reset(world, seed):
    world.reset(np.random.default_rng(seed), start=[0.0, 0.0, 0.0])
    return world


def same(one, two):
    return [np.array_equal(a, b) for a, b in zip(one, two, strict=True)]


def make_world(**options):
    return World(WorldOptions(base="planar", **options))


@pytest.fixture
def world():
    world = make_world()
    yield world
    world.close()


def test_each_switch_changes_its_own_part_and_off_is_as_usual_again(world):
    usual, usual_options = looks(world), world.options
    colours, light = [True, True, False, False, False, False], [False, False, True, True, True, True]
    for options, changed in (({"random_appearance": True}, colours), ({"random_lighting": True}, light)):
        world.options = replace(usual_options, **options)
        assert same(looks(reset(world, 1)), usual) == [not each for each in changed]
        world.options = usual_options
        assert all(same(looks(reset(world, 1)), usual))


@pytest.mark.parametrize("switch", ["random_appearance", "random_lighting"])
def test_a_seed_has_one_look_and_another_seed_another(switch):
    worlds = [make_world(**{switch: True}) for _ in range(2)]
    one, two = (looks(reset(world, 3)) for world in worlds)
    assert all(same(one, two))
    assert not all(same(looks(reset(worlds[0], 4)), one))


@pytest.mark.parametrize("switch", ["random_appearance", "random_lighting"])
def test_images_differ_between_episodes_in_the_same_renderer(switch):
    world = make_world(**{switch: True})
    for camera in CAMERAS:
        one, two = (reset(world, seed).render(camera, 48, 48).astype(float).copy() for seed in (1, 2))
        assert np.abs(one - two).mean() > 5
    world.close()


def test_a_renderer_that_is_already_open_shows_the_same_as_a_new_one():
    """The sky is a texture, of which every renderer keeps a copy."""
    used, fresh = (make_world(random_appearance=True) for _ in range(2))
    sizes = ((48, 48), (32, 64))
    for size in sizes:
        reset(used, 1).render("front", *size)
    for size in sizes:
        np.testing.assert_array_equal(
            reset(used, 2).render("front", *size), reset(fresh, 2).render("front", *size)
        )
    before = reset(used, 1).render("front", 48, 48)[0].astype(float)
    assert np.abs(before - reset(used, 2).render("front", 48, 48)[0]).mean() > 5  # the top row is sky
    used.close()
    fresh.close()


def test_the_usual_image_comes_back_after_a_random_episode(world):
    before = reset(world, 1).render("front", 48, 48).copy()
    usual_options = world.options
    world.options = replace(usual_options, random_appearance=True, random_lighting=True)
    assert not np.array_equal(reset(world, 1).render("front", 48, 48), before)
    world.options = usual_options
    np.testing.assert_array_equal(reset(world, 1).render("front", 48, 48), before)


def pixel(world, geom, size):
    """Row and column of a geom's middle in a square image of the front camera."""
    camera = world.data.cam("front")
    right, up, backwards = camera.xmat.reshape(3, 3).T @ (world.data.geom(geom).xpos - camera.xpos)
    scale = size / 2 / np.tan(np.deg2rad(world.model.cam("front").fovy[0] / 2)) / -backwards
    return int(size / 2 - up * scale), int(size / 2 + right * scale)


def test_a_bag_has_the_colour_of_its_name_under_any_light():
    world = make_world(task="lift_bag", level="hard", random_appearance=True, random_lighting=True)
    for seed in range(10):
        world.reset(np.random.default_rng(seed))
        colour = world.task.named.split()[0]
        image = world.render("front", 120, 120)
        red, _, blue = image[pixel(world, f"{colour}_bag_pocket", 120)].astype(float)
        assert (red > 1.4 * blue) if colour == "red" else (blue > 1.4 * red)
    world.close()
