import inspect
import subprocess
import sys
from dataclasses import dataclass

import draccus
import numpy as np
import pytest
from lerobot.configs import FeatureType
from lerobot.envs.configs import EnvConfig
from lerobot.envs.factory import make_env
from lerobot.envs.utils import NEW_ROLLOUT_OPTION, env_to_policy_features, preprocess_observation

from lerobot_anchorvla.datasets.record_demonstrations import DemosConfig
from lerobot_anchorvla.demo import DemoConfig
from lerobot_anchorvla.envs.go2_so101.configuration_go2_so101 import Go2SO101EnvConfig
from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.options import WorldOptions

SMALL = {"image_height": 32, "image_width": 40}


@pytest.mark.slow  # imports LeRobot in a fresh process
def test_importing_the_config_loads_no_simulator():
    code = (
        "import sys; import lerobot_anchorvla.envs.go2_so101.configuration_go2_so101; "
        "sys.exit('mujoco' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_demonstrations_environment_demo_and_policy_have_one_image_size():
    env = inspect.signature(Go2SO101Env).parameters
    sizes = {env["image_height"].default, env["image_width"].default}
    for config in (Go2SO101EnvConfig(), DemosConfig()):
        sizes |= {config.image_height, config.image_width}
    assert sizes == {DemoConfig().image_size} == {AnchorVLAConfig.nano_image_size}


def test_policy_features_match_what_the_env_gives():
    config = Go2SO101EnvConfig(**SMALL)
    features = env_to_policy_features(config)
    env = make_env(config, n_envs=2)["go2_so101"][0]
    observation, _ = env.reset(seed=[0, 1])
    processed = preprocess_observation(observation)
    env.close()
    inputs = {key: feature for key, feature in features.items() if feature.type is not FeatureType.ACTION}
    assert {key: tuple(value.shape) for key, value in processed.items()} == {
        key: (2, *feature.shape) for key, feature in inputs.items()
    }
    assert features["action"].shape == env.single_action_space.shape


def test_without_target_pose_the_feature_is_gone():
    features = env_to_policy_features(Go2SO101EnvConfig(target_pose=False))
    assert "observation.environment_state" not in features


def test_lerobot_finds_what_it_asks_of_an_env():
    env = make_env(Go2SO101EnvConfig(**SMALL, episode_length=7), n_envs=1)["go2_so101"][0]
    env.reset(seed=[0])
    assert env.call("_max_episode_steps") == (7,)
    assert env.call("task") == ("open_drawer",)
    assert env.call("task_description") == ("open the drawer",)
    assert env.metadata["render_fps"] == 15
    assert env.call("render")[0].shape == (360, 480, 3)
    env.close()


def test_a_finished_env_stands_still_until_the_next_rollout():
    env = make_env(Go2SO101EnvConfig(**SMALL, episode_length=2), n_envs=1)["go2_so101"][0]
    env.reset(seed=[0])
    walk = np.array([[0, -95, 85, 30, 0, 9, 0.4, 0, 0]], dtype=np.float32)
    env.step(walk)
    last, *_ = env.step(walk)
    for _ in range(3):
        after, reward, *_ = env.step(walk)
        np.testing.assert_array_equal(after["environment_state"], last["environment_state"])
        assert reward == 0
    fresh, _ = env.reset(seed=[0], options={NEW_ROLLOUT_OPTION: True})
    assert not np.array_equal(fresh["environment_state"], last["environment_state"])
    env.close()


def test_the_options_of_the_world_reach_it_from_the_command_line():
    @dataclass
    class Command:
        env: EnvConfig

    typed = ("type=go2_so101", "base=planar", "random_start=false", "disturbances.scale=0.5")
    arguments = [f"--env.{each}" for each in (*typed, "disturbances.base_drift=0.03")]
    config = draccus.parse(Command, args=arguments).env
    env = config.create_envs(1)["go2_so101"][0]
    options = env.envs[0].unwrapped.world.options
    env.close()
    assert options == WorldOptions(
        base="planar", random_start=False, disturbances=Disturbances(scale=0.5, base_drift=0.03)
    )


def test_a_wrong_disturbance_is_named():
    with pytest.raises(ValueError, match=r"env\.disturbances\.push_force must be .*got -3"):
        Go2SO101EnvConfig(disturbances=Disturbances(push_force=-3))
    with pytest.raises(ValueError, match=r"one of.*push_force.*'earthquake'"):
        Go2SO101EnvConfig(disturbances={"earthquake": 1})


@pytest.mark.slow
def test_async_envs_equal_sync_ones():
    config = Go2SO101EnvConfig(**SMALL, disturbances={"scale": 1})
    action = np.tile(np.array([0, -80, 80, 30, 0, 40, 0.3, 0, 0.1], dtype=np.float32), (2, 1))
    results = []
    for use_async in (False, True):
        env = make_env(config, n_envs=2, use_async_envs=use_async)["go2_so101"][0]
        env.reset(seed=[4, 5])
        for _ in range(5):
            observation, *_ = env.step(action)
        results.append({key: np.array(observation[key]) for key in ("agent_pos", "environment_state")})
        env.close()
    for key in results[0]:
        np.testing.assert_array_equal(results[0][key], results[1][key])


@pytest.mark.parametrize(
    ("field", "value", "valid"),
    [
        ("task", "juggle", "open_drawer"),
        ("base", "wheels", "planar"),
        ("level", "easy", "fixed"),
        ("fps", 30, "15"),
        ("episode_length", 0, "1"),
        ("image_height", 3, "at least 4"),
        ("image_width", 5000, "at most 1280"),
    ],
)
def test_a_wrong_value_is_named_with_the_valid_ones(field, value, valid):
    with pytest.raises(ValueError, match=rf"env\.{field}.*{valid}.*{value}"):
        Go2SO101EnvConfig(**{field: value})
