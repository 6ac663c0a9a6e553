import colorsys

import numpy as np
import pytest

from lerobot_anchorvla.sim.levels import LEVELS
from lerobot_anchorvla.sim.looks import SURFACES
from lerobot_anchorvla.sim.places import Place
from lerobot_anchorvla.sim.tasks.bags import Bag, Bags, draw_bags

FIXED = Bags(
    Place(1.6, 0.0, 0.0), (Bag("bag", Place(1.6, 0.0, 0.0), 0.12, 0.19, 0.18, 0.27),), target=0, clutter=()
)


def drawn_bags(level, count=200):
    return [draw_bags(LEVELS[level], np.random.default_rng(seed)) for seed in range(count)]


def test_at_fixed_it_never_differs():
    assert set(drawn_bags("fixed")) == {FIXED}


@pytest.mark.parametrize("level", ["moved", "hard"])
def test_a_seed_gives_one_scene_and_another_seed_another(level):
    assert drawn_bags(level) == drawn_bags(level)
    assert len(set(drawn_bags(level))) == 200


@pytest.mark.parametrize("level", ["moved", "hard"])
def test_its_numbers_fill_their_ranges(level):
    drawn, ranges = drawn_bags(level), LEVELS[level]
    bags = [bag for each in drawn for bag in each.bags]
    columns = [
        ([each.place.x - FIXED.place.x for each in drawn], ranges.place.x),
        ([each.place.y for each in drawn], ranges.place.y),
        ([each.place.yaw for each in drawn], ranges.place.yaw),
        ([bag.depth for bag in bags], ranges.bag.depth),
        ([bag.width for bag in bags], ranges.bag.width),
        ([bag.height for bag in bags], ranges.bag.height),
        ([bag.handle - bag.height for bag in bags], ranges.bag.rise),
    ]
    for values, (low, high) in columns:
        assert low - 1e-9 <= min(values) < low + 0.1 * (high - low)
        assert high + 1e-9 >= max(values) > high - 0.1 * (high - low)


def test_two_bags_stand_side_by_side_on_either_side_and_either_may_be_named():
    left, named = 0, []
    for each in drawn_bags("hard"):
        red, blue = (bag.place for bag in each.bags)
        across = np.array([red.x - blue.x, red.y - blue.y])
        ahead = np.array([np.cos(each.place.yaw), np.sin(each.place.yaw)])
        assert 0.50 <= np.linalg.norm(across) <= 0.60
        assert across @ ahead == pytest.approx(0, abs=1e-9)
        left += bool(across @ [-ahead[1], ahead[0]] > 0)
        named.append(each.wanted.named)
    assert 60 < left < 140
    assert 60 < named.count("red bag") == 200 - named.count("blue bag") < 140


def test_the_clutter_is_beside_and_behind_both_bags():
    for each in drawn_bags("hard"):
        edge = LEVELS["hard"].bag.spacing[1] / 2 + LEVELS["hard"].bag.width[1]
        for item in each.clutter:
            assert item.place.x - item.radius > 0
            assert item.place.x > 0.45 or abs(item.place.y) - item.radius > edge


@pytest.mark.parametrize(("colour", "hue"), [("red", 0.0), ("blue", 0.62)])
def test_a_bag_keeps_the_colour_of_its_name(colour, hue):
    rng = np.random.default_rng(0)
    surface = SURFACES[f"{colour}_bag"]
    for rgb in [surface.rgb, *(surface.draw(rng) for _ in range(100))]:
        drawn_hue, saturation, _ = colorsys.rgb_to_hsv(*rgb)
        assert abs((drawn_hue - hue + 0.5) % 1 - 0.5) < 0.05 and saturation > 0.6
