import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from lerobot_anchorvla.envs.go2_so101 import ACTION_NAMES, GYM_IDS, STATE_NAMES, TARGET_NAMES
from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.experts import make_expert
from lerobot_anchorvla.sim.signals import IMAGE_HEIGHTS, IMAGE_WIDTHS

STANDSTILL = np.concatenate([[0, -95, 85, 30, 0, 9], np.zeros(3)]).astype(np.float32)


@pytest.fixture(scope="module", params=BASES)
def env(request):
    env = Go2SO101Env(base=request.param, image_height=32, image_width=40)
    yield env
    env.close()


def open_drawer(env, mode="centre-base", seed=0):
    """Steps until the episode ends: (reward, terminated, truncated, info) of each."""
    expert = make_expert("open_drawer", mode)
    observation, _ = env.reset(seed=seed)
    steps = []
    while not steps or not (steps[-1][1] or steps[-1][2]):
        action = expert.act(observation["agent_pos"], observation["environment_state"]).astype(np.float32)
        observation, *rest = env.step(action)
        steps.append(rest)
    return steps


@pytest.mark.parametrize("gym_id", GYM_IDS.values())
def test_gymnasium_finds_no_fault(gym_id):
    env = gym.make(gym_id, image_height=32, image_width=32).unwrapped
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(env)
    env.close()
    advice = ("infinity", "normalized space")  # of vectors without bounds, and against a robot's own units
    assert [w.message for w in caught if not any(words in str(w.message) for words in advice)] == []


def test_observation_is_what_the_names_say(env):
    observation, info = env.reset(seed=0)
    assert observation["pixels"]["front"].shape == observation["pixels"]["wrist"].shape == (32, 40, 3)
    assert observation["agent_pos"].shape == (len(STATE_NAMES),)
    assert observation["environment_state"].shape == (len(TARGET_NAMES),)
    assert env.action_space.shape == (len(ACTION_NAMES),)
    # The walking base has settled for a second, in which gravity bends the arm's servos.
    arm, velocity = {"planar": (1e-3, 1e-3), "legged": (4.0, 0.05)}[env.world.options.base]
    np.testing.assert_allclose(observation["agent_pos"][:6], STANDSTILL[:6], atol=arm)
    np.testing.assert_allclose(observation["agent_pos"][6:], STANDSTILL[6:], atol=velocity)
    assert not info["is_success"] and info["progress"] == 0
    assert env.task == "open_drawer" and env.task_description == "open the drawer"


def test_an_image_does_not_change_after_it_was_given(env):
    first, _ = env.reset(seed=0, options={"start": (0, 0, 0)})
    kept = first["pixels"]["front"].copy()
    for _ in range(5):
        env.step(np.array([0, -95, 85, 30, 0, 9, 0.4, 0, 0.8], dtype=np.float32))
    np.testing.assert_array_equal(first["pixels"]["front"], kept)


def test_a_second_episode_does_not_remember_the_first(env):
    start, _ = env.reset(seed=3)
    for _ in range(10):
        env.step(np.array([10, -60, 60, 20, 0, 50, 0.3, 0.1, 0.3], dtype=np.float32))
    again, _ = env.reset(seed=3)
    np.testing.assert_array_equal(start["agent_pos"], again["agent_pos"])
    np.testing.assert_array_equal(start["environment_state"], again["environment_state"])
    np.testing.assert_array_equal(start["pixels"]["wrist"], again["pixels"]["wrist"])


def test_success_is_an_opening_held_for_one_second_and_ends_the_episode(env):
    steps = open_drawer(env)
    openings = np.array([info["progress"] for *_, info in steps])
    first = int(np.argmax(openings > 0.12))
    assert len(steps) == first + 15
    assert [reward for reward, *_ in steps] == [0.0] * (len(steps) - 1) + [1.0]
    assert [info["is_success"] for *_, info in steps] == [False] * (len(steps) - 1) + [True]
    assert steps[-1][1:3] == [True, False]


def test_a_drawer_that_slides_back_is_no_success(env):
    env.reset(seed=0)
    for tick in range(40):
        env.world.data.joint("drawer_slide").qpos[:] = 0.2 if tick % 10 else 0.0
        env.world.data.joint("drawer_slide").qvel[:] = 0
        *_, info = env.step(STANDSTILL)
        assert not info["is_success"]


def test_a_fall_ends_the_episode_without_success(env, monkeypatch):
    env.reset(seed=0)
    env.world.data.joint("drawer_slide").qpos[:] = 0.2
    for _ in range(20):
        _, reward, terminated, _, info = env.step(STANDSTILL)
    assert (reward, terminated, info["is_success"], info["fallen"]) == (1.0, True, True, False)
    monkeypatch.setattr(env.world.base, "fallen", lambda data: True)
    _, reward, terminated, truncated, info = env.step(STANDSTILL)
    assert (reward, terminated, truncated) == (0.0, True, False)
    assert info["fallen"] and not info["is_success"]
    assert env.reset(seed=0)[1]["fallen"]  # it is there from the start


def test_success_is_judged_on_the_truth():
    """A drawer that is measured as open, and is not."""
    env = Go2SO101Env(image_height=16, image_width=16, disturbances={"target_noise": 5.0})
    observation, _ = env.reset(seed=0)
    measured = [observation["environment_state"][8]]
    for _ in range(30):
        observation, *_, info = env.step(STANDSTILL)
        measured.append(observation["environment_state"][8])
        assert not info["is_success"] and abs(info["progress"]) < 0.01
    env.close()
    assert max(measured) > 0.12


@pytest.mark.parametrize("given", [{"base_drift": 0.05}, Disturbances(base_drift=0.05)])
def test_gymnasium_takes_the_options_of_the_world(given):
    env = gym.make(GYM_IDS["open_drawer"], image_height=16, image_width=16, disturbances=given)
    assert env.unwrapped.world.options.disturbances == Disturbances(base_drift=0.05)
    env.close()


@pytest.mark.parametrize(("height", "width"), [(0, 64), (64, 1281), (961, 64), (-1, 64)])
def test_an_image_size_that_no_camera_gives_is_refused(height, width):
    with pytest.raises(ValueError, match=r"image_(height|width) must be at least 4 and at most"):
        Go2SO101Env(image_height=height, image_width=width)


def test_the_largest_image_is_one_that_the_cameras_give():
    env = Go2SO101Env(image_height=IMAGE_HEIGHTS[1], image_width=IMAGE_WIDTHS[1], target_pose=False)
    observation, _ = env.reset(seed=0)
    env.close()
    assert observation["pixels"]["wrist"].shape == (960, 1280, 3)


def test_the_horizon_truncates():
    env = Go2SO101Env(image_height=16, image_width=16, episode_length=3)
    env.reset(seed=0)
    ends = [env.step(STANDSTILL)[2:4] for _ in range(3)]
    env.close()
    assert ends == [(False, False), (False, False), (False, True)]
    assert env._max_episode_steps == 3


def test_start_option_places_the_base(env):
    observation, _ = env.reset(seed=0, options={"start": (0.5, 0.1, 0.2)})
    target = dict(zip(TARGET_NAMES, observation["environment_state"], strict=True))
    assert np.arctan2(target["target.sin"], target["target.cos"]) == pytest.approx(-0.2, abs=1e-5)


def test_target_pose_can_be_left_out():
    env = Go2SO101Env(image_height=16, image_width=16, target_pose=False)
    observation, _ = env.reset(seed=0)
    env.close()
    assert set(observation) == set(env.observation_space.spaces) == {"pixels", "agent_pos"}


def test_nan_is_refused(env):
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"shoulder_pan\.pos"):
        env.step(np.full(9, np.nan, dtype=np.float32))


def test_overview_is_an_image(env):
    env.reset(seed=0)
    assert env.render().shape == (360, 480, 3)
