"""What a recorded dataset is called, and its files beside LeRobot's own metadata."""

from pathlib import Path


def repo_id_of(task: str) -> str:
    """What the demonstrations of a task are called unless told otherwise."""
    return f"local/go2_so101_{task}"


REPO_ID = repo_id_of("open_drawer")

EPISODES_FILE = Path("meta") / "anchorvla_episodes.jsonl"
"""One line an episode with its mode, so that modes can be told apart."""

ATTEMPTS_FILE = Path("meta") / "anchorvla_attempts.jsonl"
"""One line an attempt, kept or not, with its mode and whether the robot fell over."""

SETTINGS_FILE = Path("meta") / "anchorvla_demos.json"
"""The settings of the recording."""
