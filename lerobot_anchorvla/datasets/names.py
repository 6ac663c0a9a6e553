"""What a recorded dataset is called, and its files beside LeRobot's own metadata."""

from pathlib import Path

REPO_ID = "local/go2_so101_open_drawer"

EPISODES_FILE = Path("meta") / "anchorvla_episodes.jsonl"
"""One line an episode with its mode, so that modes can be told apart."""

SETTINGS_FILE = Path("meta") / "anchorvla_demos.json"
"""The settings of the recording."""
