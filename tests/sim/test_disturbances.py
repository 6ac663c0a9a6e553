from dataclasses import fields

import draccus
import pytest

from lerobot_anchorvla.sim.disturbances import DEFAULT_STRENGTHS, Disturbances
from lerobot_anchorvla.sim.options import WorldOptions

TICKS = ("command_latency", "camera_delay")


def test_every_kind_is_off_unless_told_otherwise():
    assert {Disturbances().strength(kind) for kind in DEFAULT_STRENGTHS} == {0}


def test_every_field_but_scale_and_interval_is_a_kind_with_a_default():
    assert {each.name for each in fields(Disturbances)} - set(DEFAULT_STRENGTHS) == {"scale", "push_interval"}


@pytest.mark.parametrize("kind", list(DEFAULT_STRENGTHS))
def test_scale_multiplies_the_default_and_a_kind_set_by_itself_takes_precedence(kind):
    default = DEFAULT_STRENGTHS[kind]
    assert Disturbances(scale=1).strength(kind) == default
    assert Disturbances(scale=2).strength(kind) == 2 * default
    assert Disturbances(scale=2, **{kind: 0}).strength(kind) == 0
    assert Disturbances(**{kind: 1}).strength(kind) == 1
    others = [other for other in DEFAULT_STRENGTHS if other != kind]
    assert {Disturbances(**{kind: 1}).strength(other) for other in others} == {0}


@pytest.mark.parametrize("kind", TICKS)
def test_ticks_are_rounded_to_whole_ones_half_up(kind):
    for scale, ticks in ((0.3, 0), (0.5, 1), (0.8, 1), (1.5, 2), (2.4, 2), (2.5, 3)):
        strength = Disturbances(scale=scale).strength(kind)
        assert isinstance(strength, int) and strength == ticks


def test_resolved_strengths_say_what_a_scale_stands_for():
    assert Disturbances(scale=1, push_interval=2.0).resolved() == DEFAULT_STRENGTHS | {"push_interval": 2.0}
    resolved = Disturbances(scale=0.5, base_drift=0.1).resolved()
    assert Disturbances(**resolved).resolved() == resolved
    assert resolved["base_drift"] == 0.1 and resolved["push_force"] == DEFAULT_STRENGTHS["push_force"] / 2


@pytest.mark.parametrize("wrong", ["strong", None, 1.0])
def test_what_is_no_disturbance_at_all_is_refused(wrong):
    with pytest.raises(ValueError, match=rf"disturbances must be .*got {wrong!r}"):
        WorldOptions(disturbances=wrong)


@pytest.mark.parametrize("name", [each.name for each in fields(Disturbances)])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "much", True])
def test_a_strength_that_is_none_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"^env\.disturbances\.{name} must be .*got {value!r}"):
        WorldOptions(disturbances=Disturbances(**{name: value})).check_world("env.")


@pytest.mark.parametrize("name", TICKS)
def test_a_fraction_of_a_tick_is_refused(name):
    with pytest.raises(ValueError, match=rf"disturbances\.{name} must be a whole number of ticks.*1\.5"):
        Disturbances(**{name: 1.5}).check()


def test_pushes_need_time_between_them():
    with pytest.raises(ValueError, match=r"push_interval must be greater than 0, got 0"):
        Disturbances(push_interval=0).check()


def test_a_probability_ends_at_one():
    Disturbances(dropped_ticks=1.0).check()
    with pytest.raises(ValueError, match=r"disturbances\.dropped_ticks must be at most 1, got 1\.1"):
        Disturbances(dropped_ticks=1.1).check()
    most = 1 / DEFAULT_STRENGTHS["dropped_ticks"]
    with pytest.raises(ValueError, match=rf"disturbances\.scale must be at most {most:g}, got {2 * most}"):
        Disturbances(scale=2 * most).check()
    Disturbances(scale=2 * most, dropped_ticks=0).check()


def test_options_from_json_and_from_the_command_line_are_the_same():
    wanted = WorldOptions(disturbances=Disturbances(scale=1, base_drift=0.03, command_latency=2))
    assert WorldOptions(disturbances={"scale": 1, "base_drift": 0.03, "command_latency": 2}) == wanted
    arguments = ("scale=1", "base_drift=0.03", "command_latency=2")
    typed = draccus.parse(WorldOptions, args=[f"--disturbances.{each}" for each in arguments])
    assert typed == wanted


def test_an_unknown_disturbance_is_refused_with_the_valid_ones():
    with pytest.raises(ValueError, match=r"disturbances.*one of.*base_drift.*'earthquake'"):
        WorldOptions(disturbances={"earthquake": 1})
