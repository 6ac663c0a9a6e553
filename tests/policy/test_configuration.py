"""Bad settings are refused with the field, the value and what is allowed."""

import draccus
import pytest
from lerobot.configs.policies import PreTrainedConfig
from lerobot.configs.types import FeatureType, PolicyFeature

from lerobot_anchorvla.policy.backbones.base import evenly_spaced_layers
from tests.policy.synthetic import make_config


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("head", "flow", r"policy.head='flow' is unknown; choose one of anchored, gaussian, regression"),
        ("stage", "rl", r"policy.stage='rl' is unknown; choose one of base, residual"),
        ("backbone", "huge", r"policy.backbone='huge' is unknown"),
        ("prediction_type", "velocity", "policy.prediction_type='velocity'"),
        ("selection", "mean", "policy.selection='mean'"),
        ("dtype", "int8", "policy.dtype='int8'"),
        ("n_action_steps", 5, "policy.n_action_steps=5 cannot exceed policy.chunk_size=4"),
        ("chunk_size", 0, "policy.chunk_size=0 must be positive"),
        ("truncation_ratio", 1.5, r"policy.truncation_ratio=1.5 must lie in \(0, 1\]"),
        ("num_anchors", 1, "policy.num_anchors=1 must be at least 2"),
        ("num_negatives", 0, "policy.num_negatives=0"),
        ("nano_image_size", 40, "policy.nano_image_size=40 must be a multiple of 16"),
        ("num_action_queries", 0, "policy.num_action_queries=0 must be positive"),
        ("head_heads", 0, "policy.head_heads=0 must be positive"),
        ("nano_layers", 0, "policy.nano_layers=0 must be positive"),
        ("score_weight", -1, "policy.score_weight=-1 must not be negative"),
        ("head_heads", 5, "policy.head_hidden_size=32 must be divisible by 8 and by policy.head_heads=5"),
        ("n_obs_steps", 2, "policy.n_obs_steps=2 is not supported"),
    ],
)
def test_bad_values_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        make_config(**{field: value})


@pytest.mark.parametrize("prediction_type", ["offset", "epsilon"])
def test_a_gaussian_head_predicts_the_sample(prediction_type):
    with pytest.raises(ValueError, match=f"'{prediction_type}' does not go with head 'gaussian'"):
        make_config(head="gaussian", prediction_type=prediction_type)


def test_a_frozen_head_keeps_its_anchors():
    with pytest.raises(ValueError, match="refit_vocabulary=true needs stage=base"):
        make_config(stage="residual", refit_vocabulary=True)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a", "b"], ["a", "b"]),
        ({"motors": ["a"], "base": ["b"]}, ["a", "b"]),
        (["only one"], None),
        (None, None),
    ],
)
def test_action_names_are_one_a_column_or_none(names, expected):
    config = make_config()
    config.set_dataset_feature_metadata({"action": {"shape": (2,), "names": names}})
    assert config.action_feature_names == expected


@pytest.mark.parametrize(("layers", "blocks"), [(4, 4), (24, 6), (2, 6), (1, 3), (5, 2)])
def test_head_blocks_read_layers_that_exist_and_end_at_the_last(layers, blocks):
    read = evenly_spaced_layers(layers, blocks)
    assert len(read) == blocks
    assert read == sorted(read)
    assert read[0] >= 1
    assert read[-1] == layers


def test_too_many_denoising_steps_are_refused_when_the_policy_is_built():
    from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy

    with pytest.raises(ValueError, match="num_inference_steps=11 must lie between 1 and the 10"):
        AnchorVLAPolicy(make_config(num_inference_steps=11))


def test_the_environment_state_can_be_left_out():
    config = make_config(use_environment_state=False)
    config.validate_features()
    assert "observation.environment_state" not in config.input_features
    assert "observation.state" in config.input_features


def test_features_without_action_or_observation_are_refused():
    with pytest.raises(ValueError, match="no 'action' feature"):
        make_config(output_features={}).validate_features()
    with pytest.raises(ValueError, match="neither a camera nor a state"):
        make_config(input_features={"x": PolicyFeature(FeatureType.ACTION, (2,))}).validate_features()


def test_the_configuration_survives_saving(tmp_path):
    config = make_config(head="gaussian", num_negatives=None, vocabulary_action_names=["a"])
    config.note_training()
    config.save_pretrained(tmp_path)
    assert PreTrainedConfig.from_pretrained(tmp_path) == config


def test_every_option_has_help_that_argparse_can_format(capsys):
    from lerobot_anchorvla.policy.configuration_anchorvla import AnchorVLAConfig

    with pytest.raises(SystemExit):
        draccus.parse(AnchorVLAConfig, args=["--help"])
    assert "--truncation_ratio" in capsys.readouterr().out
