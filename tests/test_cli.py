import subprocess
import sys
import tempfile
import time

import pytest

from lerobot_anchorvla import cli


def test_help_lists_every_subcommand_on_one_line(capsys):
    assert cli.run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, command in cli.SUBCOMMANDS.items():
        assert any(line.split()[:1] == [name] and command.summary in line for line in lines)


def test_no_subcommand_prints_the_help_and_fails(capsys):
    assert cli.run([]) == 2
    assert "usage: anchorvla" in capsys.readouterr().out


@pytest.mark.parametrize(("typed", "hint"), [("dmeo", "did you mean 'demo'"), ("fly", "choose one of demo")])
def test_an_unknown_subcommand_is_answered_with_the_known_ones(capsys, typed, hint):
    assert cli.run([typed]) == 2
    assert hint in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demos", "--task=fly", "--root=nowhere"], "task must be one of"),
        (["demo", "--step=dance"], "step must be one of"),
        (["demo", "--eval_episodes=5", "--eval_batch_size=2"], "must be a multiple of"),
        (["demo", "--steps=many"], "`steps`: Couldn't parse 'many'"),
        (["scores", "--policy_path=p", "--dataset_root=d", "--frames=0"], "frames must be at least 1"),
        (["ablate", "--dataset_root=nowhere"], "holds no LeRobot dataset"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, monkeypatch, tmp_path, arguments, message):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cli.run(arguments) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith(f"anchorvla {arguments[0]}: ")
    assert "\n" not in error


def test_the_traceback_of_a_deep_error_is_kept_in_a_file_that_the_line_names(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert cli.run(["ablate", "--dataset_root=nowhere"]) == 2
    (log,) = tmp_path.iterdir()
    assert capsys.readouterr().err.endswith(f"(traceback: {log})\n")
    text = log.read_text()
    assert "in run_ablation" in text and "ValueError: dataset_root=nowhere" in text

    assert cli.run(["demo", "--image_size=0"]) == 2
    assert "image_size must be at least 4, got 0\n" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [log]


@pytest.mark.parametrize("name", list(cli.SUBCOMMANDS))
def test_every_subcommand_explains_its_options(capsys, name):
    with pytest.raises(SystemExit) as exit_code:
        cli.run([name, "--help"])
    assert exit_code.value.code == 0
    assert f"anchorvla {name}" in capsys.readouterr().out


def test_the_help_needs_neither_torch_nor_lerobot():
    check = (
        "import sys; from lerobot_anchorvla import cli; cli.run(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'lerobot', 'mujoco', 'matplotlib')))"
    )
    start = time.monotonic()
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
    assert time.monotonic() - start < 10
