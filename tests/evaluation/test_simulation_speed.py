import pytest

from lerobot_anchorvla.evaluation import simulation_speed
from lerobot_anchorvla.evaluation.simulation_speed import (
    EpisodeTime,
    FrameSpeed,
    PhysicsSpeed,
    SimulationSpeedConfig,
    image_shape,
    measure_simulation_speed,
)


@pytest.mark.slow  # a whole demonstration
def test_everything_is_measured_and_the_page_shows_it(tmp_path, capsys):
    page = tmp_path / "docs" / "speed.md"
    config = SimulationSpeedConfig(bases=["planar"], sizes=["16", "24x16"], seconds=0.02, page=page)
    speed = measure_simulation_speed(config)

    (physics,) = speed.physics
    assert physics.base == "planar"
    assert physics.steps_per_second > 32 * physics.ticks_per_second > 0
    assert [frames.size for frames in speed.frames] == ["16", "24x16"]
    assert all(fps > 0 for frames in speed.frames for fps in frames.by_camera.values())
    (episode,) = speed.episodes
    assert 15 < episode.ticks < 300
    assert list(episode.shares) == ["physics", "base", "rendering", "expert", "rest"]
    assert sum(episode.shares.values()) == pytest.approx(1)
    assert all(0 < share < 1 for share in episode.shares.values())

    text = page.read_text()
    assert text.removeprefix("# Speed of the embedded world\n\n") in capsys.readouterr().out
    for row in ("| planar | ", "| 16 | ", "| 24x16 | ", f"| planar | {episode.ticks} | "):
        assert row in text


def test_the_numbers_are_set_against_real_time():
    assert PhysicsSpeed("planar", 9e9, 150.0).times_real_time == pytest.approx(10)
    assert FrameSpeed("64", {"front": 60.0, "wrist": 30.0}).times_real_time == pytest.approx(20 / 15)
    assert EpisodeTime("planar", ticks=90, seconds=2.0, shares={}).times_real_time == pytest.approx(3)


def test_frames_have_the_size_that_is_asked_for():
    class Camera:
        def __init__(self) -> None:
            self.rendered = set()

        def render(self, *frame: object) -> None:
            self.rendered.add(frame)

    world = Camera()
    speed = simulation_speed.measure_frames(world, "640x480", 0.001)
    assert world.rendered == {("front", 480, 640), ("wrist", 480, 640)}
    assert set(speed.by_camera) == {"front", "wrist"}


def test_sizes_are_square_or_width_by_height():
    assert image_shape("64") == (64, 64)
    assert image_shape("640x480") == (480, 640)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"sizes": ["64", "big"]}, "sizes: every value must be PIXELS or WIDTHxHEIGHT.*got 'big'"),
        ({"sizes": ["64x"]}, "got '64x'"),
        ({"sizes": ["3"]}, "sizes: '3': image_height must be at least 4"),
        ({"sizes": ["2000x64"]}, "sizes: '2000x64': image_width must be .* at most 1280 pixels, got 2000"),
        ({"bases": ["wheels"]}, "base must be one of .*got 'wheels'"),
        ({"bases": []}, "at least one base"),
        ({"task": "juggle"}, "task must be one of"),
        ({"level": "impossible"}, "level must be one of"),
        ({"seconds": 0}, "seconds must be greater than 0, got 0"),
    ],
)
def test_settings_that_cannot_work_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        SimulationSpeedConfig(**fields)
