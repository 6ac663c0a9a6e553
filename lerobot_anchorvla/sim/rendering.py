"""Draws pictures of a model. All renderers of a process share one OpenGL context."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.sim.mujoco_api import mujoco

_thread = threading.local()


class Renderer:
    """Pictures of one model in any size, without shadows and reflections.

    It holds the model's meshes and textures and one buffer to draw into, which grows to the largest picture
    that was asked for. The first picture makes them, `close` frees them.

    OpenGL can use a context in one thread only. So each thread that draws has one, and a renderer stays with
    the thread in which it drew its first picture. A process may fork as long as it has not drawn.

    Args:
        model: what is drawn. Its `vis.global_.offwidth` and `offheight` are the buffer's first size.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        self._resources: _Resources | None = None

    def render(
        self,
        data: mujoco.MjData,
        camera: mujoco.MjvCamera,
        drawn: mujoco.MjvOption,
        height: int,
        width: int,
    ) -> np.ndarray:
        """What the camera sees: (height, width, 3), uint8.

        Args:
            data: of the model, after `mj_forward`.
            camera: one of the model's, or a free one.
            drawn: which parts of the model are drawn.
            height, width: of the picture, in pixels.
        """
        if self._resources is None:
            self._resources = _Resources.make(self._model)
        context, scene = self._resources.context, self._resources.scene
        self._resources.gl.make_current()
        if width > context.offWidth or height > context.offHeight:
            mujoco.mjr_resizeOffscreen(max(width, context.offWidth), max(height, context.offHeight), context)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)  # another renderer's was set
        mujoco.mjv_updateScene(self._model, data, drawn, None, camera, mujoco.mjtCatBit.mjCAT_ALL, scene)
        area = mujoco.MjrRect(0, 0, width, height)
        picture = np.empty((height, width, 3), np.uint8)
        mujoco.mjr_render(area, scene, context)
        mujoco.mjr_readPixels(picture, None, area, context)
        return np.ascontiguousarray(picture[::-1])  # OpenGL's first row is the lowest

    def upload_texture(self, texture: int) -> None:
        """Show the texture of that number as it now is in the model."""
        if self._resources is not None:  # else the first picture takes it from the model
            self._resources.gl.make_current()
            mujoco.mjr_uploadTexture(self._model, self._resources.context, texture)

    def close(self) -> None:
        """Free what was made for drawing; a later `render` makes it again."""
        if self._resources is not None:
            self._resources.gl.make_current()
            self._resources.context.free()
            self._resources = None

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # when the process ends, OpenGL may have ended before
            self.close()


@dataclass
class _Resources:
    """What drawing a model takes.

    Attributes:
        gl: OpenGL's context, which other renderers use too.
        context: MuJoCo's, with the model's meshes and textures and the buffer.
        scene: the geoms that a camera sees, with the light.
    """

    gl: mujoco.GLContext
    context: mujoco.MjrContext
    scene: mujoco.MjvScene

    @classmethod
    def make(cls, model: mujoco.MjModel) -> _Resources:
        gl = _gl_context()
        gl.make_current()
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        scene = mujoco.MjvScene(model, maxgeom=2 * model.ngeom)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            scene.flags[flag] = False
        return cls(gl, context, scene)


def _gl_context() -> mujoco.GLContext:
    """This thread's, made when it is first wanted and never freed before the thread ends."""
    if not hasattr(_thread, "gl_context"):
        _thread.gl_context = mujoco.GLContext(1, 1)  # the size of a window that nobody sees
    return _thread.gl_context
