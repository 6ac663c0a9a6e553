import numpy as np
import pytest

from lerobot_anchorvla.datasets.staging import Staging

SETTINGS = {"episodes": 3, "seed": 0}


@pytest.fixture
def staging(tmp_path):
    staging = Staging(tmp_path / "demos")
    staging.open(SETTINGS)
    return staging


def test_a_demonstration_comes_back_as_it_was(staging):
    episode = {
        "action": np.random.default_rng(0).normal(size=(5, 9)),
        "front": np.zeros((5, 4, 4, 3), np.uint8),
    }
    staging.write(0, episode)
    assert staging.has(0) and not staging.has(1)
    for key, value in staging.read(0).items():
        np.testing.assert_array_equal(value, episode[key])


def test_a_failure_is_remembered(staging):
    staging.write(4, None)
    assert staging.has(4) and staging.read(4) is None


def test_a_torn_attempt_is_not_an_attempt(staging):
    """A kill in the middle of a write leaves the file under its temporary name only."""
    torn = staging.attempt_path(2).with_suffix(".123.tmp")
    torn.write_bytes(b"half of an episode")
    staging.open(SETTINGS)
    assert not staging.has(2) and not torn.exists()


def test_opening_again_drops_the_unfinished_dataset_and_keeps_the_attempts(staging):
    staging.write(0, None)
    staging.dataset.mkdir()
    staging.open(SETTINGS)
    assert staging.has(0) and not staging.dataset.exists()


def test_other_settings_are_refused_by_name(staging):
    with pytest.raises(ValueError, match=r"seed=1 \(there: 0\)"):
        staging.open({**SETTINGS, "seed": 1})


def test_publishing_replaces_the_earlier_dataset(staging):
    for content in ("first", "second"):
        staging.dataset.mkdir()
        (staging.dataset / "file").write_text(content)
        staging.publish()
        assert (staging.root / "file").read_text() == content
    staging.remove()
    assert [path.name for path in staging.root.parent.iterdir()] == ["demos"]
