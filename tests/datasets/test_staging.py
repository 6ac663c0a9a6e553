import numpy as np
import pytest

from lerobot_anchorvla.datasets.simulate_episode import Attempt
from lerobot_anchorvla.datasets.staging import Staging, refuse_other_settings

SETTINGS = {"episodes": 3, "seed": 0, "disturbances": {"scale": 0.0, "base_drift": None}}
FAILED = Attempt("open the drawer", fallen=True, frames={})


@pytest.fixture
def staging(tmp_path):
    staging = Staging(tmp_path / "demos")
    staging.open(SETTINGS)
    return staging


def test_a_demonstration_comes_back_as_it_was(staging):
    frames = {
        "action": np.random.default_rng(0).normal(size=(5, 9)),
        "front": np.zeros((5, 4, 4, 3), np.uint8),
    }
    staging.write(0, Attempt("pull it open", fallen=False, frames=frames))
    assert staging.has(0) and not staging.has(1)
    attempt = staging.read(0)
    assert attempt.success and not attempt.fallen and attempt.instruction == "pull it open"
    assert attempt.frames.keys() == frames.keys()
    for key, value in attempt.frames.items():
        np.testing.assert_array_equal(value, frames[key])


def test_a_failure_is_remembered_with_its_fall(staging):
    staging.write(4, FAILED)
    assert staging.has(4) and staging.read(4) == FAILED and not FAILED.success


def test_a_torn_attempt_is_not_an_attempt(staging):
    """A kill in the middle of a write leaves the file under its temporary name only."""
    torn = staging.attempt_path(2).with_suffix(".123.tmp")
    torn.write_bytes(b"half of an episode")
    staging.open(SETTINGS)
    assert not staging.has(2) and not torn.exists()


def test_opening_again_drops_the_unfinished_dataset_and_keeps_the_attempts(staging):
    staging.write(0, FAILED)
    staging.dataset.mkdir()
    staging.open(SETTINGS)
    assert staging.has(0) and not staging.dataset.exists()


def test_other_settings_are_refused_by_name(staging):
    with pytest.raises(ValueError, match=r"seed=1 \(there: 0\)"):
        staging.open({**SETTINGS, "seed": 1})
    with pytest.raises(ValueError, match=r"settings: disturbances\.scale=1 \(there: 0\.0\)\. Give"):
        staging.open({**SETTINGS, "disturbances": {"scale": 1, "base_drift": None}})


def test_what_a_file_does_not_mention_can_be_known(staging):
    file = staging.folder / "settings.json"
    more = {**SETTINGS, "base": "planar"}
    refuse_other_settings(file, more, staging.folder, unwritten={"base": "planar"})
    with pytest.raises(ValueError, match=r"base='planar' \(there: None\)"):
        refuse_other_settings(file, more, staging.folder)
    with pytest.raises(ValueError, match=r"base='planar' \(there: 'legged'\)"):
        refuse_other_settings(file, more, staging.folder, unwritten={"base": "legged"})


def test_publishing_replaces_the_earlier_dataset(staging):
    for content in ("first", "second"):
        staging.dataset.mkdir()
        (staging.dataset / "file").write_text(content)
        staging.publish()
        assert (staging.root / "file").read_text() == content
    staging.remove()
    assert [path.name for path in staging.root.parent.iterdir()] == ["demos"]
