"""LeRobot's own commands on the embedded world, end to end, each in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lerobot_anchorvla.envs.traces import load_traces

pytestmark = pytest.mark.slow

BIN = Path(sys.executable).parent
TINY_POLICY = (
    "--policy.type=anchorvla",
    "--policy.push_to_hub=false",
    "--policy.device=cpu",
    "--policy.num_anchors=8",
    "--policy.head_hidden_size=32",
    "--policy.head_layers=2",
    "--policy.head_heads=4",
    "--policy.nano_image_size=32",
    "--policy.nano_hidden_size=32",
    "--policy.nano_layers=2",
    "--policy.nano_heads=4",
)
TINY_ENV = ("--env.type=go2_so101", "--env.task=open_drawer", "--env.episode_length=6")
TINY_EVAL = ("--eval.n_episodes=2", "--eval.batch_size=2", "--eval.use_async_envs=false")


def run(program: str | list[str], *arguments: str) -> str:
    """Runs a command and returns its output; fails with it if the command fails."""
    command = [str(BIN / program)] if isinstance(program, str) else program
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "MUJOCO_GL": "egl"}
    done = subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, timeout=600
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-4000:]
    return output


def tensors(checkpoint: Path) -> dict[str, torch.Tensor]:
    return load_file(checkpoint / "model.safetensors")


def last(output_dir: Path) -> Path:
    return output_dir / "checkpoints" / "last" / "pretrained_model"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("demos") / "dataset"
    run("anchorvla", "demos", "--task=open_drawer", "--episodes=2", f"--root={root}", "--repo_id=test/demos")
    return root


def training(dataset: Path, output_dir: Path, *arguments: str) -> tuple[str, ...]:
    return (
        "--dataset.repo_id=test/demos",
        f"--dataset.root={dataset}",
        f"--output_dir={output_dir}",
        "--batch_size=4",
        "--num_workers=0",
        "--log_freq=1",
        "--wandb.enable=false",
        *arguments,
    )


@pytest.fixture(scope="module")
def trained(dataset, tmp_path_factory) -> Path:
    """Two steps with an evaluation in the embedded world during training."""
    output_dir = tmp_path_factory.mktemp("train") / "base"
    output = run(
        "lerobot-train",
        *TINY_POLICY,
        *TINY_ENV,
        *TINY_EVAL,
        *training(dataset, output_dir, "--steps=2", "--save_freq=2", "--env_eval_freq=2"),
    )
    assert "Trajectory vocabulary: 8 anchors" in output
    assert "pc_success" in output
    return output_dir


def test_training_leaves_a_complete_checkpoint(trained):
    checkpoint = last(trained)
    names = {path.name for path in checkpoint.iterdir()}
    assert {"config.json", "model.safetensors", "policy_preprocessor.json", "train_config.json"} <= names
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["vocabulary_action_names"][-3:] == ["x.vel", "y.vel", "theta.vel"]
    assert tensors(checkpoint)["head.vocabulary.fitted"]
    assert list(trained.glob("eval/**/*.mp4"))


def test_resume_goes_on_where_it_stopped(trained, dataset):
    before = tensors(trained / "checkpoints" / "000002" / "pretrained_model")
    config = last(trained) / "train_config.json"
    run("lerobot-train", f"--config_path={config}", "--resume=true", "--steps=4", "--env_eval_freq=0")
    after = tensors(trained / "checkpoints" / "000004" / "pretrained_model")
    anchors = "head.vocabulary.anchors"
    torch.testing.assert_close(before[anchors], after[anchors], rtol=0, atol=0)
    assert any(not torch.equal(before[name], after[name]) for name in before)
    step = json.loads(
        (trained / "checkpoints" / "000004" / "training_state" / "training_step.json").read_text()
    )
    assert step["step"] == 4


def test_stage_two_trains_the_residual_from_a_checkpoint_then_evaluates(trained, dataset, tmp_path):
    output_dir = tmp_path / "residual"
    base = trained / "checkpoints" / "000002" / "pretrained_model"
    output = run(
        "lerobot-train",
        f"--policy.path={base}",
        "--policy.stage=residual",
        "--policy.push_to_hub=false",
        *training(dataset, output_dir, "--steps=3"),
    )
    assert "uncorrected_l1" in output
    before, after = tensors(base), tensors(last(output_dir))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("residual.") for name in changed)

    evaluation = tmp_path / "eval"
    run(
        "lerobot-eval",
        f"--policy.path={last(output_dir)}",
        *TINY_ENV,
        *TINY_EVAL,
        f"--output_dir={evaluation}",
    )
    result = json.loads((evaluation / "eval_info.json").read_text())
    assert result["overall"]["n_episodes"] == 2
    assert "pc_success" in result["overall"]


def test_parallel_evaluation_of_a_disturbed_world(trained, tmp_path):
    run(
        "lerobot-eval",
        f"--policy.path={last(trained)}",
        *TINY_ENV,
        "--env.base=planar",
        "--env.disturbances.scale=1",
        "--env.disturbances.base_drift=0.03",
        f"--env.trace_dir={tmp_path / 'traces'}",
        *TINY_EVAL[:2],
        "--eval.use_async_envs=true",
        f"--output_dir={tmp_path / 'eval'}",
    )
    result = json.loads((tmp_path / "eval" / "eval_info.json").read_text())
    assert result["overall"]["n_episodes"] == len(load_traces(tmp_path / "traces")) == 2


def test_pixels_alone(trained, dataset, tmp_path):
    output_dir = tmp_path / "pixels"
    run(
        "lerobot-train",
        *TINY_POLICY,
        "--policy.use_environment_state=false",
        *training(dataset, output_dir, "--steps=1"),
    )
    run(
        "lerobot-eval",
        f"--policy.path={last(output_dir)}",
        *TINY_ENV,
        "--env.target_pose=false",
        *TINY_EVAL,
        f"--output_dir={tmp_path / 'eval'}",
    )


def test_bfloat16_training(dataset, tmp_path):
    """The forward pass runs under autocast, and the weights stay in float32."""
    script = tmp_path / "train.py"
    script.write_text(
        "import torch\n"
        "from lerobot.scripts import lerobot_train\n"
        "from lerobot_anchorvla.policy.denoiser import BridgeDiT\n"
        "condition = BridgeDiT.condition\n"
        "def spy(self, context):\n"
        "    made = condition(self, context)\n"
        "    print('KEYS', made.keys[0].dtype)\n"
        "    return made\n"
        "BridgeDiT.condition = spy\n"
        "lerobot_train.main()\n"
    )
    output_dir = tmp_path / "bf16"
    arguments = (*TINY_POLICY, "--policy.dtype=bfloat16", *training(dataset, output_dir, "--steps=2"))
    output = run([sys.executable, str(script)], *arguments)
    assert "KEYS torch.bfloat16" in output
    assert tensors(last(output_dir))["backbone.norm.weight"].dtype == torch.float32


def test_two_processes_share_their_anchors(dataset, tmp_path):
    """Each rank says which anchors it has after a step under torchrun."""
    script = tmp_path / "train.py"
    script.write_text(
        "import os, torch\n"
        "from lerobot.scripts import lerobot_train\n"
        "from lerobot_anchorvla.policy.modeling_anchorvla import AnchorVLAPolicy\n"
        "forward = AnchorVLAPolicy.forward\n"
        "def spy(self, batch):\n"
        "    anchors = self.vocabulary.anchors.double()\n"
        "    rank = os.environ['RANK']\n"
        f"    with open(os.path.join({str(tmp_path)!r}, 'rank' + rank), 'w') as file:\n"
        "        file.write(f'{anchors.sum().item()!r} {anchors.square().sum().item()!r}')\n"
        "    return forward(self, batch)\n"
        "AnchorVLAPolicy.forward = spy\n"
        "lerobot_train.main()\n"
    )
    output_dir = tmp_path / "two"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", str(script)]
    run(launcher, *TINY_POLICY, *training(dataset, output_dir, "--steps=2"))
    first, second = ((tmp_path / f"rank{rank}").read_text() for rank in (0, 1))
    assert first == second
    anchors = tensors(last(output_dir))["head.vocabulary.anchors"].double()
    assert first == f"{anchors.sum().item()!r} {anchors.square().sum().item()!r}"
