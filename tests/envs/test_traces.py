import numpy as np

from lerobot_anchorvla.envs.go2_so101.configuration_go2_so101 import Go2SO101EnvConfig
from lerobot_anchorvla.envs.traces import Trace, load_traces

TICKS = 3


def run(env, seed=None):
    env.reset(seed=None if seed is None else [seed])
    for _ in range(TICKS):
        env.step(np.zeros((1, 9), np.float32))


def make(folder, **options):
    config = Go2SO101EnvConfig(
        image_height=16,
        image_width=16,
        episode_length=TICKS,
        trace_dir=str(folder),
        disable_env_checker=True,
        **options,
    )
    return config.create_envs(1)["go2_so101"][0]


def test_each_seeded_episode_is_written_when_it_ends(tmp_path):
    env = make(tmp_path)
    run(env, seed=7)
    env.close()
    (trace,) = load_traces(tmp_path)
    assert (trace.seed, trace.success, trace.fallen) == (7, False, False)
    assert trace.states.shape == trace.targets.shape == trace.actions.shape == (TICKS, 9)


def test_an_episode_without_a_seed_could_not_be_shown_again_and_is_not_written(tmp_path):
    env = make(tmp_path)
    run(env)
    env.close()
    assert load_traces(tmp_path) == []


def test_a_trace_holds_the_truth_under_noise(tmp_path):
    traces = []
    for name, noise in (("exact", 0.0), ("noisy", 2.0)):
        env = make(tmp_path / name, base="planar", disturbances={"joint_noise": noise})
        run(env, seed=7)
        env.close()
        traces += load_traces(tmp_path / name)
    np.testing.assert_array_equal(traces[0].states, traces[1].states)
    np.testing.assert_array_equal(traces[0].targets, traces[1].targets)


def test_a_fall_is_written_down(tmp_path):
    env = make(tmp_path)
    env.reset(seed=[7])
    env.envs[0].unwrapped.world.base.fallen = lambda data: True
    env.step(np.zeros((1, 9), np.float32))
    env.close()
    (trace,) = load_traces(tmp_path)
    assert trace.fallen and not trace.success and len(trace.actions) == 1


def trace_of(ticks):
    rng = np.random.default_rng(0)
    arrays = {name: rng.normal(size=(ticks, 9)) for name in ("states", "targets", "actions")}
    return Trace(seed=3, success=False, fallen=True, **arrays)


def test_a_trace_survives_the_disk(tmp_path):
    trace = trace_of(ticks=4)
    loaded = Trace.load(trace.save(tmp_path))
    assert (loaded.seed, loaded.success, loaded.fallen) == (3, False, True)
    for name in ("states", "targets", "actions"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(trace, name))


def test_a_trace_of_the_first_version_is_read(tmp_path):
    path = trace_of(ticks=4).save(tmp_path)
    with np.load(path) as file:
        older = {name: file[name] for name in file if name != "fallen"}
    np.savez(path, **older)
    assert not Trace.load(path).fallen
