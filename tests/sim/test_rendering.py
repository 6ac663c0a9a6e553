import subprocess
import sys
import threading

import numpy as np
import pytest

from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.rendering import Renderer
from lerobot_anchorvla.sim.tasks import TASKS
from lerobot_anchorvla.sim.world import CAMERA_NAMES, World

SIZES = (
    (16, 24),
    (60, 40),
    (8, 8),
    (40, 90),
    (16, 24),
)  # the buffer grows in each direction, then is too large


class Thing:
    """A body in the light, in a colour and on a texture of its own."""

    def __init__(self, shape: str, rgba: str, texture: str) -> None:
        self.model = mujoco.MjModel.from_xml_string(
            f"""<mujoco>
              <visual><global offwidth="16" offheight="16"/><quality offsamples="0"/></visual>
              <asset>
                <texture name="floor" type="2d" builtin="{texture}" rgb1="1 1 0" rgb2="0 0 1"
                  width="16" height="16"/>
                <material name="floor" texture="floor" texrepeat="5 5" reflectance="0.5"/>
              </asset>
              <worldbody>
                <light pos="1 0 3" dir="-0.3 0 -1" castshadow="true"/>
                <geom type="plane" size="2 2 0.1" material="floor"/>
                <geom type="{shape}" size="0.3 0.3 0.3" pos="0 0 0.3" rgba="{rgba}"/>
              </worldbody>
            </mujoco>"""
        )
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        self.eye = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(self.model, self.eye)
        self.drawn = mujoco.MjvOption()

    def picture(self, renderer: Renderer, size: tuple[int, int] = (30, 40)) -> np.ndarray:
        return renderer.render(self.data, self.eye, self.drawn, *size)

    def expected(self, size: tuple[int, int] = (30, 40)) -> np.ndarray:
        """The same of MuJoCo's own renderer."""
        self.model.vis.global_.offheight, self.model.vis.global_.offwidth = size
        with mujoco.Renderer(self.model, *size) as renderer:
            for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
                renderer.scene.flags[flag] = False
            renderer.update_scene(self.data, self.eye, self.drawn)
            return renderer.render()


@pytest.fixture
def box():
    return Thing("box", "1 0 0 1", "checker")


@pytest.fixture
def ball():
    return Thing("sphere", "0 1 0 0.5", "gradient")


def test_renderers_that_take_turns_draw_what_mujocos_own_draws(box, ball):
    things = {box: Renderer(box.model), ball: Renderer(ball.model)}
    drawn = [thing.picture(renderer, size) for size in SIZES for thing, renderer in things.items()]
    expected = [thing.expected(size) for size in SIZES for thing in things]
    for one, other in zip(drawn, expected, strict=True):
        assert one.dtype == np.uint8 and one.std() > 10
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("task", TASKS)
def test_a_whole_world_fits_into_the_scene(task):
    world = World(WorldOptions(task=task, base="planar", level="hard"))
    world.reset(np.random.default_rng(0))
    world.model.vis.global_.offheight, world.model.vis.global_.offwidth = 60, 80
    with mujoco.Renderer(world.model, 60, 80) as renderer:
        for camera, name in CAMERA_NAMES.items():
            renderer.update_scene(world.data, name, world._options[camera])
            np.testing.assert_array_equal(world.render(camera, 60, 80), renderer.render())
    world.close()


def test_one_that_is_closed_or_dropped_leaves_the_others_alone(box, ball):
    stays, closed, dropped = Renderer(box.model), Renderer(ball.model), Renderer(ball.model)
    before = box.picture(stays)
    ball.picture(closed)
    ball.picture(dropped)
    closed.close()
    closed.close()
    del dropped
    np.testing.assert_array_equal(box.picture(stays), before)
    np.testing.assert_array_equal(ball.picture(closed), ball.expected())


def test_a_changed_texture_shows_once_it_is_uploaded(box):
    renderer = Renderer(box.model)
    renderer.upload_texture(0)  # nothing is drawn yet
    before = box.picture(renderer)
    box.model.tex_data[:] = 255
    np.testing.assert_array_equal(box.picture(renderer), before)
    renderer.upload_texture(0)
    assert np.abs(box.picture(renderer).astype(float) - before).mean() > 5


def test_a_thread_draws_with_one_opengl_context_of_its_own(box, ball, monkeypatch):
    made, drawn = [], []
    make = mujoco.GLContext
    monkeypatch.setattr(mujoco, "GLContext", lambda *size: made.append(size) or make(*size))

    def draw():
        renderers = {thing: Renderer(thing.model) for thing in (box, ball)}
        drawn.extend(thing.picture(renderer) for thing, renderer in renderers.items())
        for renderer in renderers.values():
            renderer.close()

    here = [thing.picture(Renderer(thing.model)) for thing in (box, ball)]
    made.clear()
    thread = threading.Thread(target=draw)
    thread.start()
    thread.join()
    assert len(made) == 1
    for one, other in zip(drawn, here, strict=True):
        np.testing.assert_array_equal(one, other)


FORK = """
import os, numpy as np
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

world = World(WorldOptions(base="planar"))
world.reset(np.random.default_rng(0))
child = os.fork()
image = world.render("front", 32, 32)
np.save(f"{'parent' if child else 'child'}.npy", image)
if child:
    assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no fork")
def test_a_fork_before_the_first_picture_and_an_end_without_close(tmp_path):
    result = subprocess.run(
        [sys.executable, "-c", FORK], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert (result.returncode, result.stderr) == (0, "")
    parent, child = (np.load(tmp_path / f"{name}.npy") for name in ("parent", "child"))
    assert parent.std() > 10
    np.testing.assert_array_equal(parent, child)
