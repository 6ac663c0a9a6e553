import numpy as np

from lerobot_anchorvla.envs.go2_so101.configuration_go2_so101 import Go2SO101EnvConfig
from lerobot_anchorvla.envs.traces import Trace, load_traces

TICKS = 3


def run(env, seed=None):
    env.reset(seed=None if seed is None else [seed])
    for _ in range(TICKS):
        env.step(np.zeros((1, 9), np.float32))


def make(folder):
    config = Go2SO101EnvConfig(
        image_height=16, image_width=16, episode_length=TICKS, trace_dir=str(folder), disable_env_checker=True
    )
    return config.create_envs(1)["go2_so101"][0]


def test_each_seeded_episode_is_written_when_it_ends(tmp_path):
    env = make(tmp_path)
    run(env, seed=7)
    env.close()
    (trace,) = load_traces(tmp_path)
    assert (trace.seed, trace.success) == (7, False)
    assert trace.states.shape == trace.targets.shape == trace.actions.shape == (TICKS, 9)


def test_an_episode_without_a_seed_could_not_be_shown_again_and_is_not_written(tmp_path):
    env = make(tmp_path)
    run(env)
    env.close()
    assert load_traces(tmp_path) == []


def test_a_trace_survives_the_disk(tmp_path):
    rng = np.random.default_rng(0)
    trace = Trace(3, True, rng.normal(size=(4, 9)), rng.normal(size=(4, 9)), rng.normal(size=(4, 9)))
    loaded = Trace.load(trace.save(tmp_path))
    assert (loaded.seed, loaded.success) == (3, True)
    for name in ("states", "targets", "actions"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(trace, name))
