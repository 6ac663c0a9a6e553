import gymnasium as gym
import numpy as np
import pytest
import torch
from lerobot.envs.factory import make_env
from lerobot.policies.factory import make_pre_post_processors
from lerobot.processor import PolicyProcessorPipeline
from safetensors.torch import load_file, save_file

from lerobot_anchorvla.agent import AnchorVLAAgent
from lerobot_anchorvla.envs.go2_so101.configuration_go2_so101 import Go2SO101EnvConfig
from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy
from lerobot_anchorvla.sim.signals import ACTION_HIGH, ACTION_LOW
from tests.checkpoint import IMAGE_SIZE, save_checkpoint

TICKS = 5


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return save_checkpoint(tmp_path_factory.mktemp("checkpoint"))


@pytest.fixture(scope="module")
def env():
    env = gym.make(
        "lerobot_anchorvla/Go2SO101OpenDrawer-v0",
        image_height=IMAGE_SIZE,
        image_width=IMAGE_SIZE,
        episode_length=TICKS,
    )
    yield env
    env.close()


def episode(agent, env, seed):
    """The actions of one episode, (T, 9)."""
    observation, _ = env.reset(seed=seed)
    agent.reset()
    actions, done = [], False
    while not done:
        actions.append(agent.act(observation))
        observation, _, terminated, truncated, _ = env.step(actions[-1])
        done = terminated or truncated
    return np.stack(actions)


def test_the_agent_acts_as_lerobots_own_evaluation_does(checkpoint, env):
    from lerobot.scripts.lerobot_eval import rollout

    policy = AnchorVLAPolicy.from_pretrained(checkpoint)
    preprocessor, postprocessor = make_pre_post_processors(policy.config, pretrained_path=str(checkpoint))
    config = Go2SO101EnvConfig(image_height=IMAGE_SIZE, image_width=IMAGE_SIZE, episode_length=TICKS)
    vector_env = make_env(config, n_envs=1)["go2_so101"][0]
    identity = PolicyProcessorPipeline(steps=[])
    theirs = rollout(vector_env, policy, identity, identity, preprocessor, postprocessor, seeds=[3])
    vector_env.close()

    agent = AnchorVLAAgent.from_pretrained(checkpoint, instruction="open the drawer")
    np.testing.assert_allclose(episode(agent, env, seed=3), theirs["action"][0].numpy(), atol=1e-5)


def test_an_action_is_in_the_units_of_the_action_space(checkpoint, env):
    agent = AnchorVLAAgent.from_pretrained(checkpoint)
    action = agent.act(env.reset(seed=0)[0])
    assert action.shape == (9,)
    assert action.dtype == np.float32
    assert np.abs(action[:6]).max() > 1  # degrees, not the normalised range
    normalised = torch.linspace(-1, 1, 9)
    expected = ACTION_LOW + (normalised.numpy() + 1) / 2 * (ACTION_HIGH - ACTION_LOW)
    np.testing.assert_allclose(agent.to_raw_actions(normalised), expected, rtol=1e-4, atol=1e-4)


def test_a_batch_of_observations_gives_a_batch_of_actions(checkpoint, env):
    agent = AnchorVLAAgent.from_pretrained(checkpoint)
    single = env.reset(seed=0)[0]
    batch = {
        "pixels": {name: np.stack([image] * 3) for name, image in single["pixels"].items()},
        "agent_pos": np.stack([single["agent_pos"]] * 3),
        "environment_state": np.stack([single["environment_state"]] * 3),
    }
    assert agent.act(batch).shape == (3, 9)


def test_candidates_are_all_anchors_in_raw_units_and_leave_the_chunk_alone(checkpoint, env):
    agent = AnchorVLAAgent.from_pretrained(checkpoint)
    observation = env.reset(seed=0)[0]
    agent.act(observation)
    planned = list(agent.policy._action_queue)
    candidates = agent.candidates(observation)
    assert candidates.chunks.shape == (6, 4, 9)
    assert candidates.scores.shape == candidates.probabilities.shape == (6,)
    assert candidates.chosen == candidates.scores.argmax()
    assert all(a is b for a, b in zip(planned, agent.policy._action_queue, strict=True))


def test_policy_overrides_reach_the_configuration(checkpoint):
    agent = AnchorVLAAgent.from_pretrained(checkpoint, num_inference_steps=5, apply_residual=False)
    assert len(agent.policy.head.timesteps) == 5
    assert agent.policy.config.apply_residual is False


def test_an_unknown_override_is_named(checkpoint):
    with pytest.raises(ValueError, match="no field denoising_steps"):
        AnchorVLAAgent.from_pretrained(checkpoint, denoising_steps=5)


def test_a_postprocessor_with_other_statistics_is_refused(tmp_path):
    folder = save_checkpoint(tmp_path)
    file = next(folder.glob("policy_postprocessor*unnormalizer*.safetensors"))
    tensors = load_file(file)
    save_file({name: 2 * tensor for name, tensor in tensors.items()}, file)
    with pytest.raises(ValueError, match="postprocessor scales actions by other statistics"):
        AnchorVLAAgent.from_pretrained(folder)


def test_a_head_without_anchors_has_nothing_to_compare(tmp_path, env):
    agent = AnchorVLAAgent.from_pretrained(save_checkpoint(tmp_path, head="regression"))
    assert agent.candidates(env.reset(seed=0)[0]).chunks.shape == (1, 4, 9)
