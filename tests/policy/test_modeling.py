"""The policy's contract with LeRobot: queue, residual, stages, checkpoints, clear refusals."""

import draccus
import pytest
import torch
from lerobot.policies.factory import make_policy as lerobot_make_policy
from lerobot.policies.factory import make_pre_post_processors

from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy
from tests.policy.synthetic import ACTION_NAMES, TINY, make_batch, make_config, make_dataset, make_policy


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("dataset") / "data")


def train_new(dataset, **overrides) -> AnchorVLAPolicy:
    """A policy built as lerobot-train builds it, input features from the dataset."""
    from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig

    return lerobot_make_policy(AnchorVLAConfig(**{**TINY, **overrides}), ds_meta=dataset.meta)


def reload(path, dataset=None, **overrides) -> AnchorVLAPolicy:
    """A policy built as lerobot-train does from --policy.path with overrides."""
    from lerobot.configs.policies import PreTrainedConfig

    arguments = [f"--{name}={value}" for name, value in overrides.items()]
    config = PreTrainedConfig.from_pretrained(path, cli_overrides=arguments)
    config.pretrained_path = path
    if dataset is None:
        return AnchorVLAPolicy.from_pretrained(path, config=config)
    return lerobot_make_policy(config, ds_meta=dataset.meta)


def test_a_new_policy_fits_its_vocabulary_from_the_dataset(dataset):
    policy = train_new(dataset)
    assert policy.vocabulary.fitted
    assert policy.config.action_feature_names == ACTION_NAMES
    assert policy.config.vocabulary_action_names == ACTION_NAMES
    torch.testing.assert_close(policy.vocabulary.anchors, train_new(dataset).vocabulary.anchors)
    assert int(policy.vocabulary.counts.sum()) == 20 + 16 + 24 - 3 * 3


@pytest.mark.parametrize("head", ["anchored", "gaussian", "regression"])
def test_training_lowers_the_loss(dataset, head):
    policy = train_new(dataset, head=head)
    pre, _ = make_pre_post_processors(policy.config, dataset_stats=dataset.meta.stats)
    batch = pre(collate(dataset, range(0, 20)))
    history = optimise(policy.train(), batch, steps=60)
    losses = [loss for loss, _ in history]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])
    assert all(isinstance(value, float) for value in history[-1][1].values())


def optimise(policy, batch, steps: int) -> list[tuple[float, dict]]:
    """Loss and metrics of every step on one batch."""
    optimizer = torch.optim.AdamW(policy.get_optim_params(), lr=3e-3)
    history = []
    for _ in range(steps):
        loss, metrics = policy(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        history.append((loss.item(), metrics))
    return history


def collate(dataset, indices) -> dict:
    deltas = [i / 15 for i in range(TINY["chunk_size"])]
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    chunked = LeRobotDataset(dataset.repo_id, root=dataset.root, delta_timestamps={"action": deltas})
    return torch.utils.data.default_collate([chunked[i] for i in indices])


def test_a_chunk_serves_n_action_steps_then_is_predicted_anew():
    policy, batch = make_policy(), make_batch()
    calls = []
    encode = policy.backbone.encode
    policy.backbone.encode = lambda *a: calls.append(1) or encode(*a)
    actions = [policy.select_action(batch) for _ in range(5)]
    assert len(calls) == 3
    assert actions[0].shape == (5, len(ACTION_NAMES))
    policy.reset()
    policy.select_action(batch)
    assert len(calls) == 4


def test_select_action_executes_the_predicted_chunk():
    first, second = make_policy(), make_policy()
    batch = make_batch()
    chunk = first.predict_action_chunk(batch)
    assert chunk.shape == (5, TINY["chunk_size"], len(ACTION_NAMES))
    torch.testing.assert_close(second.select_action(batch), chunk[:, 0])
    torch.testing.assert_close(second.select_action(batch), chunk[:, 1])


def test_the_residual_sees_the_fresh_observation_at_every_tick():
    policy = make_policy(stage="residual")
    plain = make_policy(stage="residual", apply_residual=False)
    batch, later = make_batch(), make_batch(seed=1)
    policy.select_action(batch), plain.select_action(batch)
    corrected, planned = policy.select_action(later), plain.select_action(later)
    state, query = policy.layout.state(later), policy.layout.state(batch)
    context = policy._encode(batch, query)
    expected = policy.residual(state, query, planned, torch.ones(5), context.pooled)
    torch.testing.assert_close(corrected - planned, expected.detach(), rtol=1e-3, atol=1e-5)
    assert (corrected - planned).abs().max() > 1e-3
    gripper = ACTION_NAMES.index("gripper.pos")
    assert (corrected - planned)[:, gripper].abs().max() == 0


def test_the_seed_makes_the_start_reproducible():
    batch = make_batch()
    same = [make_policy(inference_seed=7).predict_action_chunk(batch) for _ in range(2)]
    torch.testing.assert_close(same[0], same[1], rtol=0, atol=0)
    other = make_policy(inference_seed=8).predict_action_chunk(batch)
    assert (same[0] - other).abs().max() > 1e-4


def test_candidates_come_with_scores():
    candidates = make_policy().predict_candidates(make_batch())
    assert candidates.chunks.shape == (5, 6, 4, len(ACTION_NAMES))
    assert candidates.scores.shape == candidates.probabilities.shape == (5, 6)


def test_candidates_are_those_that_the_next_query_chooses_from():
    policy, batch = make_policy(), make_batch()
    candidates = policy.predict_candidates(batch)
    chunk = policy.predict_action_chunk(batch)
    best = candidates.chunks[torch.arange(5), candidates.scores.argmax(dim=1)]
    torch.testing.assert_close(chunk, best, rtol=1e-4, atol=1e-5)


def test_drawn_selection_differs_between_queries_and_repeats_with_the_seed():
    batch = make_batch()

    def actions(policy):
        drawn = []
        for _ in range(6):
            policy.reset()
            drawn.append(policy.select_action(batch))
        return torch.stack(drawn)

    sampled = {"selection": "sample", "selection_temperature": 50.0}
    first, second = actions(make_policy(**sampled)), actions(make_policy(**sampled))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert first.std(dim=0).max() > 0.1
    unseeded = [actions(make_policy(inference_seed=None, **sampled)) for _ in range(2)]
    assert (unseeded[0] - unseeded[1]).abs().max() > 1e-3


def test_the_batch_size_may_only_change_after_a_reset():
    policy = make_policy()
    policy.select_action(make_batch(5))
    with pytest.raises(ValueError, match=r"is for 5 environments, the observation has 3; call reset"):
        policy.select_action(make_batch(3))
    policy.reset()
    assert policy.select_action(make_batch(3)).shape == (3, len(ACTION_NAMES))


def test_images_alone_put_everything_on_their_device():
    policy = make_policy(head="regression")
    layout = type(policy.layout)(cameras=policy.layout.cameras, states=(), state_dim=0)
    state = layout.state({name: torch.zeros(2, 3, 8, 8, device="meta") for name in layout.cameras})
    assert state.device.type == "meta"
    assert state.shape == (2, 0)


def test_bfloat16_inference_is_close_to_float32_and_returns_float32():
    batch = make_batch()
    full = make_policy(head="regression").predict_action_chunk(batch)
    half = make_policy(head="regression", dtype="bfloat16").predict_action_chunk(batch)
    assert half.dtype == torch.float32
    assert 0 < (full - half).abs().max() < 0.1 * full.abs().max()


def test_stage_residual_trains_the_corrector_alone(dataset, tmp_path):
    train_new(dataset).save_pretrained(tmp_path)
    policy = reload(tmp_path, dataset, stage="residual", residual_max_correction=2.0)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    pre, _ = make_pre_post_processors(policy.config, dataset_stats=dataset.meta.stats)
    batch = pre(collate(dataset, range(0, 60, 2)))
    policy.train()
    assert not policy.backbone.training
    assert not policy.head.training
    assert policy.residual.training
    history = optimise(policy, batch, steps=80)
    losses = [metrics["residual_l1"] / metrics["uncorrected_l1"] for _, metrics in history]
    assert losses[0] == pytest.approx(1)
    assert sum(losses[-10:]) < 8
    changed = {name for name, value in policy.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("residual.") for name in changed)


def test_a_reloaded_policy_acts_the_same(dataset, tmp_path):
    policy = train_new(dataset)
    pre, post = make_pre_post_processors(policy.config, dataset_stats=dataset.meta.stats)
    for part in (policy, pre, post):
        part.save_pretrained(tmp_path)
    again = reload(tmp_path)
    pre2, post2 = make_pre_post_processors(again.config, pretrained_path=str(tmp_path))
    batch = collate(dataset, range(4))
    policy.eval()
    for _ in range(5):
        action, repeated = post(policy.select_action(pre(batch))), post2(again.select_action(pre2(batch)))
        torch.testing.assert_close(action, repeated, rtol=0, atol=0)
    torch.testing.assert_close(action[:, 2], torch.full((4,), 0.25), rtol=0, atol=1e-5)


def test_another_datasets_statistics_are_refused_or_refitted(dataset, tmp_path):
    train_new(dataset).save_pretrained(tmp_path / "policy")
    other = make_dataset(tmp_path / "other", action_scale=2.0)
    with pytest.raises(ValueError, match="fitted under other action statistics"):
        reload(tmp_path / "policy", other)
    policy = reload(tmp_path / "policy", other, refit_vocabulary="true")
    assert policy.vocabulary.statistics[1, 0] > 1.5
    assert policy.config.refit_vocabulary is False


def test_stage_two_needs_a_trained_policy(dataset):
    with pytest.raises(ValueError, match="corrects a trained policy: give its checkpoint"):
        train_new(dataset, stage="residual")


@pytest.mark.parametrize("head", ["gaussian", "regression"])
def test_the_other_heads_can_be_corrected_too(dataset, tmp_path, head):
    train_new(dataset, head=head).save_pretrained(tmp_path)
    policy = reload(tmp_path, dataset, stage="residual")
    pre, _ = make_pre_post_processors(policy.config, dataset_stats=dataset.meta.stats)
    loss, metrics = policy.train()(pre(collate(dataset, range(8))))
    loss.backward()
    assert metrics["residual_l1"] == pytest.approx(metrics["uncorrected_l1"])
    assert policy.residual.layers[-1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize(("field", "value"), [("prediction_type", "epsilon"), ("num_train_timesteps", 100)])
def test_what_the_weights_depend_on_cannot_be_changed(dataset, tmp_path, field, value):
    train_new(dataset).save_pretrained(tmp_path)
    with pytest.raises(draccus.utils.DraccusException) as error:  # wraps the configuration's own
        reload(tmp_path, **{field: value})
    assert f"policy.{field}={value!r} cannot be changed" in str(error.value.__cause__)


def test_other_action_names_are_refused(dataset, tmp_path):
    train_new(dataset).save_pretrained(tmp_path / "policy")
    renamed = make_dataset(tmp_path / "other", action_names=["a.pos", "b.pos", "x.vel", "y.vel"])
    with pytest.raises(ValueError, match=r"trained on the actions \['shoulder.pos'.*dataset has \['a.pos'"):
        reload(tmp_path / "policy", renamed)


def test_a_dataset_without_actions_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no 'action' feature"):
        train_new(make_dataset(tmp_path / "data", action_names=None))


def test_nan_actions_are_refused(tmp_path):
    with pytest.raises(ValueError, match="action of episode 1, frame 3, column 0 is nan"):
        train_new(make_dataset(tmp_path / "data", nan_at=(1, 3)))


def test_a_chunk_longer_than_every_episode_is_refused(dataset):
    with pytest.raises(ValueError, match="chunk_size=64 is longer than every episode"):
        train_new(dataset, chunk_size=64)


def test_more_anchors_than_windows_are_refused(dataset):
    with pytest.raises(ValueError, match="fewer than num_anchors=500"):
        train_new(dataset, num_anchors=500)


@pytest.mark.parametrize("missing", ["observation.images.wrist", "observation.environment_state"])
def test_a_missing_camera_or_state_is_named(missing):
    batch = make_batch()
    del batch[missing]
    with pytest.raises(ValueError, match=f"trained with {missing}.*it has observation"):
        make_policy().select_action(batch)


def test_an_unfitted_vocabulary_is_refused():
    with pytest.raises(RuntimeError, match="vocabulary is empty"):
        AnchorVLAPolicy(make_config()).select_action(make_batch())


def test_a_checkpoint_that_does_not_fit_is_refused_tensor_by_tensor(tmp_path):
    from safetensors.torch import load_file, save_file

    make_policy().save_pretrained(tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    tensors["renamed"] = tensors.pop("head.denoiser.to_action.bias")
    tensors["backbone.norm.bias"] = torch.zeros(3)
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(ValueError) as error:
        AnchorVLAPolicy.from_pretrained(tmp_path)
    for part in ("head.denoiser.to_action.bias", "renamed", "backbone.norm.bias (3,) instead of (32,)"):
        assert part in str(error.value)


def test_instructions_change_the_action():
    policy, batch = make_policy(head="regression"), make_batch()
    first = policy.predict_action_chunk(batch)
    policy.reset()
    second = policy.predict_action_chunk({**batch, "task": ["close the fridge"] * 5})
    assert (first - second).abs().max() > 1e-4


def test_no_camera_is_needed_where_the_dataset_has_none():
    config = make_config(head="regression")
    config.input_features = {"observation.state": config.input_features["observation.state"]}
    policy = AnchorVLAPolicy(config)
    assert policy.predict_action_chunk({"observation.state": torch.randn(2, 3)}).shape == (2, 4, 4)
