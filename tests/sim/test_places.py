import numpy as np
import pytest

from lerobot_anchorvla.sim.places import Place, PlaceRanges, StartArc, StartBox, draw_start

ARC = StartArc(distance=(1.4, 1.6), bearing=(-0.5, 0.5), turn=(-0.3, 0.3))
TARGET = Place(2.0, -0.5, 0.7)


def starts(start, random_start=True, target=TARGET, count=200):
    rng = np.random.default_rng(0)
    return np.array([draw_start(start, rng, random_start, target) for _ in range(count)])


def test_a_place_beside_another_is_turned_with_it():
    beside = Place(1.0, 2.0, np.pi / 2).beside(0.3, 0.1)
    assert (beside.x, beside.y, beside.yaw) == pytest.approx((0.9, 2.3, np.pi / 2))


def test_a_place_is_drawn_within_its_ranges():
    ranges, rng = PlaceRanges(x=(-0.1, 0.2), y=(0.0, 0.3), yaw=(-0.4, -0.2)), np.random.default_rng(0)
    places = [ranges.draw(rng, Place(1.0, 2.0, 0.5)) for _ in range(200)]
    drawn = np.array([(place.x - 1.0, place.y - 2.0, place.yaw - 0.5) for place in places])
    assert (drawn.min(axis=0) >= [-0.1, 0.0, -0.4]).all() and (drawn.max(axis=0) <= [0.2, 0.3, -0.2]).all()
    assert (np.ptp(drawn, axis=0) > [0.27, 0.27, 0.18]).all()


def test_starts_of_a_box_are_about_the_origin_wherever_the_target_is():
    drawn = starts(StartBox())
    assert (np.abs(drawn) <= [0.08, 0.15, 0.15]).all()
    assert (np.abs(drawn).max(axis=0) > [0.07, 0.14, 0.14]).all()


def test_starts_of_an_arc_have_their_distance_bearing_and_turn():
    x, y, yaw = starts(ARC).T
    ways = np.arctan2(TARGET.y - y, TARGET.x - x)
    drawn = np.array([np.hypot(TARGET.x - x, TARGET.y - y), ways - TARGET.yaw, yaw - ways])
    low, high = np.transpose(ARC.ranges)
    assert (drawn.min(axis=1) >= low - 1e-9).all() and (drawn.max(axis=1) <= high + 1e-9).all()
    assert (np.ptp(drawn, axis=1) > 0.9 * (high - low)).all()


def test_a_start_that_is_not_random_is_the_middle_and_takes_as_many_numbers():
    np.testing.assert_allclose(starts(StartBox(), random_start=False), 0, atol=1e-12)
    for x, y, yaw in starts(ARC, random_start=False, count=2):
        middle = TARGET.beside(-1.5, 0.0)
        assert (x, y, yaw) == pytest.approx((middle.x, middle.y, middle.yaw))
    used, unused = np.random.default_rng(1), np.random.default_rng(1)
    draw_start(ARC, used, True, TARGET)
    draw_start(ARC, unused, False, TARGET)
    assert used.random() == unused.random()
