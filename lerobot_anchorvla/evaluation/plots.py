"""Pictures of the report, as bytes of PNG or SVG files.

Charts have no background and grey text, so that they sit on a light and on a dark page.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np

try:
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError(
        "pictures need matplotlib. Install it with: pip install 'lerobot_policy_anchorvla[viz]'"
    ) from error

from lerobot_anchorvla.evaluation.paths import Camera, Paths

plt.switch_backend("Agg")

INK = "#7d8590"
ACCENT = "#e8590c"
COOL = "#3b82c4"

_STYLE: Any = {
    "font.size": 9,
    "font.family": "sans-serif",
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": INK,
    "grid.alpha": 0.2,
    "axes.grid": True,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "anchorvla",
    "savefig.transparent": True,
}


def learning_curves(curves: dict[str, tuple[np.ndarray, np.ndarray]]) -> bytes:
    """One panel a curve: title -> (steps, losses). SVG."""
    with plt.rc_context(_STYLE):
        figure, panels = plt.subplots(1, len(curves), figsize=(9, 2.7), squeeze=False)
        for axes, (title, (steps, values)) in zip(panels[0], curves.items(), strict=True):
            axes.plot(steps, values, color=ACCENT, linewidth=1.8)
            axes.set(title=title, xlabel="training step", ylim=(0, 1.08 * values.max()), xlim=(0, None))
        return _as_svg(figure)


def vocabulary(paths: Sequence[Paths], counts: np.ndarray) -> bytes:
    """The anchors as ways: of the grasp point from the side and from above, and of the base from above. SVG.

    Args:
        paths: one an anchor, with the base at the origin at the query.
        counts: shape (K,), windows of the demonstrations nearest to each anchor; wider lines for more.
    """
    colours = plt.get_cmap("turbo")(np.linspace(0.08, 0.92, len(paths)))
    widths = 1 + 2.5 * counts / max(counts.max(), 1)
    panels = (
        (
            "end effector, from the side",
            "forward (m)",
            "up (m)",
            [path.end_effector[:, [0, 2]] for path in paths],
        ),
        ("end effector, from above", "forward (m)", "left (m)", [path.end_effector[:, :2] for path in paths]),
        ("base, from above", "forward (m)", "left (m)", [_from_origin(path.base[:, :2]) for path in paths]),
    )
    with plt.rc_context(_STYLE):
        figure, all_axes = plt.subplots(1, 3, figsize=(11, 3.4))
        for axes, (title, across, up, lines) in zip(all_axes, panels, strict=True):
            for line, colour, width in zip(lines, colours, widths, strict=True):
                axes.plot(*line.T, color=colour, linewidth=width, solid_capstyle="round")
                axes.plot(*line[-1], "o", color=colour, markersize=2.2 + width)
            axes.set(title=title, xlabel=across, ylabel=up)
            axes.set_aspect("equal", adjustable="datalim")
        return _as_svg(figure)


def candidates_in_image(
    image: np.ndarray, camera: Camera, paths: Sequence[Paths], probabilities: np.ndarray, chosen: int
) -> bytes:
    """All candidates' end-effector and base paths in a camera image, the chosen one in colour. PNG.

    Args:
        image: shape (H, W, 3), uint8, of `camera`.
        paths: one a candidate, in the world.
        probabilities: shape (M,), sigma of the scores: likelier candidates are more opaque.
        chosen: index of the candidate that is executed.
    """
    height, width, _ = image.shape
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(image, extent=(0, width, height, 0))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    opacity = 0.5 + 0.4 * probabilities / max(float(probabilities.max()), 1e-9)
    for index in sorted(range(len(paths)), key=lambda index: index == chosen):
        is_chosen = index == chosen
        for points in (paths[index].end_effector, _on_floor(paths[index].base)):
            _draw_way(axes, camera.project(points), is_chosen, float(opacity[index]))
    return _as_png(figure, transparent=False)


def _draw_way(axes: Axes, pixels: np.ndarray, is_chosen: bool, opacity: float) -> None:
    colour, width = (ACCENT, 3.4) if is_chosen else ("#1971c2", 1.8)
    segments = np.stack([pixels[:-1], pixels[1:]], axis=1)
    axes.add_collection(
        LineCollection(list(segments), colors="white", linewidths=width + 1.2, alpha=0.4, capstyle="round")
    )
    axes.add_collection(
        LineCollection(
            list(segments),
            colors=colour,
            linewidths=width,
            alpha=1 if is_chosen else opacity,
            capstyle="round",
        )
    )
    axes.plot(
        *pixels[-1], "o", color=colour, markersize=width + 2.2, markeredgecolor="white", markeredgewidth=0.7
    )


def scores(probabilities: np.ndarray, chosen: int) -> bytes:
    """The candidates' probabilities, the most likely first. SVG."""
    order = np.argsort(-probabilities)
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(9, 2.1))
        axes.bar(
            range(len(order)),
            probabilities[order],
            color=[ACCENT if m == chosen else COOL for m in order],
            width=0.7,
        )
        axes.set(xlabel="candidate", ylabel="probability", ylim=(0, 1), xticks=range(len(order)))
        axes.set_xticklabels([str(m) for m in order], fontsize=8)
        axes.grid(axis="x", visible=False)
        return _as_svg(figure)


def strip(frames: Sequence[np.ndarray]) -> bytes:
    """Frames side by side with a thin gap, as one JPEG."""
    from PIL import Image

    gap = np.full((frames[0].shape[0], 4, 3), 255, np.uint8)
    row = [part for frame in frames for part in (frame, gap)][:-1]
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(row, axis=1)).save(stream, "JPEG", quality=88)
    return stream.getvalue()


def _from_origin(line: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros((1, 2)), line])


def _on_floor(base: np.ndarray) -> np.ndarray:
    return np.column_stack([base[:, :2], np.zeros(len(base))])


def _as_svg(figure: Figure) -> bytes:
    figure.tight_layout()
    stream = io.BytesIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    plt.close(figure)
    return stream.getvalue()


def _as_png(figure: Figure, transparent: bool) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", transparent=transparent)
    plt.close(figure)
    return stream.getvalue()
