import io

import pytest
from PIL import Image

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.evaluation.expert_strips import draw_expert_strips, expert_trace
from lerobot_anchorvla.evaluation.experts import ExpertsConfig, play


@pytest.fixture(scope="module")
def env():
    env = Go2SO101Env(base="planar")
    yield env
    env.close()


def test_a_trace_is_the_attempt_that_was_counted(env):
    trace = expert_trace(env, seed=11, mode="left-arm")
    attempt = play(env.world, seed=11, mode="left-arm")
    assert trace.success and attempt.success
    assert len(trace.states) == len(trace.targets) == len(trace.actions) == attempt.ticks


def test_each_mode_has_a_strip_of_its_first_episode(tmp_path):
    config = ExpertsConfig(base="planar", episodes=8, episode_length=5)
    paths = draw_expert_strips(config, tmp_path / "strips")
    assert len(paths) == 6 and paths[0].name == "open_drawer_left-base.jpg"
    with Image.open(io.BytesIO(paths[0].read_bytes())) as picture:
        assert picture.format == "JPEG" and picture.width > 4 * picture.height
