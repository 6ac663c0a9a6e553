"""The table of levels in docs/world.md says what the code draws."""

from pathlib import Path

import pytest

from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.places import StartArc, StartBox
from lerobot_anchorvla.sim.tasks.bags import FIXED_PLACE as BAG_PLACE
from lerobot_anchorvla.sim.tasks.cabinet import FIXED_PLACE as CABINET_PLACE

PAGE = (Path(__file__).parents[2] / "docs" / "world.md").read_text()
ROWS = {
    "robot, ahead of the world's origin": lambda level: box(level, "x"),
    "robot, to its left": lambda level: box(level, "y"),
    "robot, heading": lambda level: box(level, "yaw"),
    "robot's middle, distance from the target": lambda level: arc(level, "distance"),
    "way to the target, from the heading that faces it": lambda level: arc(level, "bearing"),
    "robot, heading from the way to the target": lambda level: arc(level, "turn"),
    "furniture, further ahead": lambda level: level.place.x,
    "furniture, to the left": lambda level: level.place.y,
    "furniture, turned": lambda level: level.place.yaw,
    "cabinet, width": lambda level: level.cabinet.width,
    "drawer's front, height": lambda level: level.cabinet.front,
    "drawer's handle, height above the floor": lambda level: level.cabinet.handles,
    "bag, depth": lambda level: level.bag.depth,
    "bag, width": lambda level: level.bag.width,
    "bag, height without handle": lambda level: level.bag.height,
    "bag, handle above the rest": lambda level: level.bag.rise,
    "distance between the middles of two bags": lambda level: level.bag.spacing,
}


def box(level, name):
    return getattr(level.start, name) if isinstance(level.start, StartBox) else None


def arc(level, name):
    return getattr(level.start, name) if isinstance(level.start, StartArc) else None


def numbers(drawn):
    """Range, ranges or None, as a flat list without repetition of a number that is not drawn."""
    if drawn is None:
        return []
    if isinstance(drawn[0], tuple):
        return [number for each in drawn for number in numbers(each)]
    low, high = drawn
    return [low] if low == high else [low, high]


def read(cell):
    words = cell.replace(",", " ").split()
    return [float(word) for word in words if word.strip("-")[:1].isdigit()]


@pytest.mark.parametrize("row", ROWS)
def test_each_row_is_what_is_drawn(row):
    (line,) = [line for line in PAGE.splitlines() if line.startswith(f"| {row} |")]
    cells = [cell.strip() for cell in line.strip("|").split("|")][2:]
    assert [read(cell) for cell in cells] == [numbers(ROWS[row](level)) for level in LEVELS.values()]


def test_the_places_at_fixed_are_those_of_the_code():
    assert f"cabinet is {CABINET_PLACE.x:.2f} m ahead" in PAGE
    assert f"the bag {BAG_PLACE.x:.2f} m" in PAGE
