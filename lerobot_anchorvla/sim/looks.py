"""Colours and light of an episode: the usual ones, and the ranges of those that are drawn anew."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

from lerobot_anchorvla.sim.mujoco_api import mujoco
from lerobot_anchorvla.sim.places import Range, draw
from lerobot_anchorvla.sim.rendering import Renderer

ANY_HUE: Range = (0.0, 1.0)
RED: Range = (-0.03, 0.03)
BLUE: Range = (0.58, 0.66)


@dataclass(frozen=True)
class Surface:
    """A material of the scene; colours are drawn by hue, saturation and value, each from 0 to 1.

    Attributes:
        rgb: its usual colour; that of the floor and of the sky multiplies their texture.
        hue: a number below 0 means the same as that number plus 1.
        saturation, value: of the colours that may be drawn.
    """

    rgb: tuple[float, float, float]
    hue: Range = ANY_HUE
    saturation: Range = (0.0, 0.5)
    value: Range = (0.40, 0.95)

    def draw(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """One of the colours, as (red, green, blue), each from 0 to 1."""
        hue, saturation, value = draw((self.hue, self.saturation, self.value), rng).tolist()
        return colorsys.hsv_to_rgb(hue % 1.0, saturation, value)


SURFACES = {
    "floor": Surface((1.0, 1.0, 1.0), saturation=(0.0, 0.4), value=(0.6, 1.0)),
    "cabinet": Surface((0.80, 0.72, 0.60)),
    "drawer": Surface((0.88, 0.80, 0.68)),
    "drawer_handle": Surface((0.15, 0.15, 0.17), saturation=(0.0, 0.6), value=(0.02, 0.30)),
    "bag": Surface((0.80, 0.36, 0.26)),
    "bag_pocket": Surface((0.90, 0.52, 0.36)),
    "bag_trim": Surface((0.36, 0.20, 0.16), value=(0.15, 0.45)),
    "bag_handle": Surface((0.16, 0.18, 0.38), saturation=(0.0, 0.6), value=(0.02, 0.40)),
    "red_bag": Surface((0.75, 0.14, 0.12), hue=RED, saturation=(0.70, 0.95), value=(0.50, 0.85)),
    "red_bag_pocket": Surface((0.88, 0.34, 0.30), hue=RED, saturation=(0.55, 0.75), value=(0.65, 0.95)),
    "blue_bag": Surface((0.13, 0.26, 0.70), hue=BLUE, saturation=(0.70, 0.95), value=(0.50, 0.85)),
    "blue_bag_pocket": Surface((0.32, 0.46, 0.88), hue=BLUE, saturation=(0.55, 0.75), value=(0.65, 0.95)),
    "carton": Surface((0.62, 0.50, 0.36)),
    "crate": Surface((0.42, 0.45, 0.36)),
    "bin": Surface((0.55, 0.58, 0.62)),
    "barrel": Surface((0.36, 0.44, 0.52)),
}
"""The materials by name."""

SKY = Surface((1.0, 1.0, 1.0), saturation=(0.0, 0.3), value=(0.6, 1.0))

LIGHT_TILT: Range = (0.15, 0.9)  # of the lamp's rays from straight down [rad]
LIGHT_AZIMUTH: Range = (-np.pi, np.pi)  # where its rays go [rad]
LIGHT_DIFFUSE: Range = (0.15, 0.60)  # the usual one is 0.40
HEADLIGHT_AMBIENT: Range = (0.25, 0.45)  # the usual one is 0.35
HEADLIGHT_DIFFUSE: Range = (0.25, 0.55)  # the usual one is 0.45


def add_surfaces(scene: mujoco.MjSpec, *names: str) -> None:
    """Add those of the `SURFACES` to a scene as materials, in their usual colours."""
    for name in names:
        scene.add_material(name=name, rgba=[*SURFACES[name].rgb, 1.0])


class Looks:
    """Changes the colours and the light of a compiled world from episode to episode.

    Args:
        model: has a texture "sky" and materials that are called as in `SURFACES`, in their usual colours.
    """

    def __init__(self, model: mujoco.MjModel) -> None:
        self._model = model
        materials = [model.material(i) for i in range(model.nmat)]
        self._materials = {each.name: each.id for each in materials if each.name in SURFACES}
        self._sky = model.texture("sky").id
        self._usual_colours = model.mat_rgba.copy()
        self._usual_sky = self._sky_data.copy()
        self._usual_direction, self._usual_diffuse = model.light_dir.copy(), model.light_diffuse.copy()
        headlight = model.vis.headlight
        self._usual_headlight = headlight.ambient.copy(), headlight.diffuse.copy()

    @property
    def _sky_data(self) -> np.ndarray:
        """The sky's pixels in the model (N, 3), not a copy."""
        texture = self._model.texture(self._sky)
        start, size = texture.adr[0], texture.height[0] * texture.width[0] * texture.nchannel[0]
        return self._model.tex_data[start : start + size].reshape(-1, 3)

    def reset(
        self,
        appearance: np.random.Generator | None,
        lighting: np.random.Generator | None,
        renderer: Renderer,
    ) -> None:
        """Begin an episode.

        Args:
            appearance: draws the colours; None stands for the usual ones.
            lighting: draws the light; None stands for the usual one.
            renderer: of the model; it keeps copies of the textures.
        """
        before = self._sky_data.copy()
        self._restore()
        if appearance is not None:
            self._draw_colours(appearance)
        if lighting is not None:
            self._draw_light(lighting)
        if not np.array_equal(self._sky_data, before):
            renderer.upload_texture(self._sky)

    def _restore(self) -> None:
        model = self._model
        model.mat_rgba[:] = self._usual_colours
        self._sky_data[:] = self._usual_sky
        model.light_dir[:], model.light_diffuse[:] = self._usual_direction, self._usual_diffuse
        headlight = model.vis.headlight
        headlight.ambient[:], headlight.diffuse[:] = self._usual_headlight

    def _draw_colours(self, rng: np.random.Generator) -> None:
        for name, material in self._materials.items():
            self._model.mat_rgba[material, :3] = SURFACES[name].draw(rng)
        self._sky_data[:] = np.round(self._usual_sky * SKY.draw(rng))

    def _draw_light(self, rng: np.random.Generator) -> None:
        ranges = (LIGHT_TILT, LIGHT_AZIMUTH, LIGHT_DIFFUSE, HEADLIGHT_AMBIENT, HEADLIGHT_DIFFUSE)
        tilt, azimuth, diffuse, headlight_ambient, headlight_diffuse = draw(ranges, rng)
        sideways = np.sin(tilt)
        direction = [sideways * np.cos(azimuth), sideways * np.sin(azimuth), -np.cos(tilt)]
        self._model.light_dir[:], self._model.light_diffuse[:] = direction, diffuse
        headlight = self._model.vis.headlight
        headlight.ambient[:], headlight.diffuse[:] = headlight_ambient, headlight_diffuse
