"""The table of disturbances in docs/world.md says what the code does unless told otherwise."""

import re
from pathlib import Path

from lerobot_anchorvla.sim.disturbances import DEFAULT_STRENGTHS, Disturbances

PAGE = (Path(__file__).parents[2] / "docs" / "world.md").read_text()
TABLE = PAGE.split("| kind | default | unit |\n")[1].split("\n\n")[0]
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \|", re.MULTILINE)


def test_every_kind_has_its_default():
    assert {kind: float(default) for kind, default in ROW.findall(TABLE)} == DEFAULT_STRENGTHS


def test_the_time_between_two_pushes_is_that_of_the_code():
    assert f"every `push_interval` = {Disturbances().push_interval:g} s" in TABLE
