import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lerobot_anchorvla.commands import Command, CommandError, Journal, options, run_logged


@pytest.fixture
def python(monkeypatch):
    """Makes commands run Python instead of a program beside it: Command(name, "python", ("-c", code))."""
    monkeypatch.setattr(Command, "arguments", property(lambda self: [sys.executable, *self.options]))


def command(name, code="pass", **fields):
    return Command(name, "python", ("-c", code), **fields)


def test_options_are_written_as_lerobot_reads_them():
    written = options(policy__type="anchorvla", steps=4, wandb__enable=False, policy__device=None)
    assert written == ("--policy.type=anchorvla", "--steps=4", "--wandb.enable=false")


def test_a_finished_command_is_remembered_in_the_folder(tmp_path, python):
    Journal.open(tmp_path).execute(command("record", "print('hello')"))
    again = Journal.open(tmp_path)
    assert again.is_finished(command("record", "print('hello')"))
    assert not again.is_finished(command("record", "print('other')"))
    assert again.log("record").read_text() == "hello\n"


def test_what_was_made_from_an_outdated_output_has_to_be_made_again(tmp_path, python):
    journal = Journal.open(tmp_path)
    chain = [command("record"), command("train", needs="record"), command("evaluate", needs="train")]
    for each in chain:
        journal.execute(each)
    journal.execute(chain[0])
    assert [journal.is_finished(each) for each in chain] == [True, False, False]


def test_a_failing_command_shows_the_end_of_its_log_and_is_not_finished(tmp_path, python):
    journal = Journal.open(tmp_path)
    failing = command("train", "raise SystemExit('the disk is full')")
    with pytest.raises(CommandError, match=r"train ended with exit code 1(.|\n)*the disk is full"):
        journal.execute(failing)
    assert not Journal.open(tmp_path).is_finished(failing)


def test_outputs_are_removed_first_unless_the_command_resumes_them(tmp_path, python):
    outputs = tmp_path / "outputs"
    for resumes in (False, True):
        journal = Journal.open(tmp_path / str(resumes))
        failing = command("record", "raise SystemExit(1)", outputs=(outputs,), resumes=resumes)
        with pytest.raises(CommandError):
            journal.execute(failing)
        outputs.mkdir()
        with pytest.raises(CommandError):
            journal.execute(failing)
        assert outputs.exists() is resumes
        if resumes:
            with pytest.raises(CommandError):
                journal.execute(command("record", "raise SystemExit(2)", outputs=(outputs,), resumes=True))
            assert not outputs.exists()


def test_a_folder_that_the_journal_did_not_make_is_left_alone(tmp_path, python):
    somebodys = tmp_path / "dataset"
    somebodys.mkdir()
    recording = command("record", f"open({str(tmp_path / 'ran')!r}, 'w')", outputs=(somebodys,))
    Journal.open(tmp_path).execute(recording)  # an empty folder is nobody's loss
    (tmp_path / "commands.json").unlink()
    (tmp_path / "ran").unlink()
    somebodys.mkdir()
    (somebodys / "thesis.txt").write_text("years of work")
    for name in ("outputs", "leftovers"):
        foreign = command("record", recording.options[1], resumes=True, **{name: (somebodys,)})
        with pytest.raises(ValueError, match=r"dataset holds something .*give another output_dir"):
            Journal.open(tmp_path).execute(foreign)
    assert (somebodys / "thesis.txt").read_text() == "years of work"
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "commands.json").exists()


def test_an_outdated_command_still_owns_its_outputs(tmp_path, python):
    journal = Journal.open(tmp_path)
    made = tmp_path / "evaluation"
    evaluate = command("evaluate", f"import os; os.mkdir({str(made)!r})", outputs=(made,), needs="train")
    journal.execute(command("train"))
    journal.execute(evaluate)
    (made / "numbers.json").touch()
    journal.execute(command("train"))
    Journal.open(tmp_path).execute(evaluate)
    assert list(made.iterdir()) == []


def test_a_moved_folder_keeps_its_journal(tmp_path, python):
    code = "import os, sys; os.makedirs('{}')".format
    before, after = tmp_path / "before", tmp_path / "after"
    Journal.open(before).execute(command("train", code(before / "train"), outputs=(before / "train",)))
    (before / "train" / "weights").touch()
    before.rename(after)
    Journal.open(after).execute(command("train", code(after / "train"), outputs=(after / "train",)))
    assert list((after / "train").iterdir()) == []


def test_a_command_whose_output_is_gone_is_not_finished(tmp_path, python):
    made = tmp_path / "train"
    train = command("train", f"import os; os.mkdir({str(made)!r})", outputs=(made,))
    journal = Journal.open(tmp_path)
    journal.execute(train)
    assert journal.is_finished(train)
    made.rmdir()
    assert not journal.is_finished(train)


def test_a_missing_program_is_named_before_anything_is_removed(tmp_path, python):
    made = tmp_path / "train"
    train = command("train", f"import os; os.mkdir({str(made)!r})", outputs=(made,))
    journal = Journal.open(tmp_path)
    journal.execute(train)
    (made / "weights").touch()
    with pytest.raises(FileNotFoundError, match=r"'lerobot-fly' is neither .* pip install"):
        journal.execute(Command("train", "lerobot-fly", train.options, outputs=(made,)))
    assert (made / "weights").exists()


def test_a_program_that_is_not_beside_python_is_found_on_the_path(tmp_path, monkeypatch):
    program = tmp_path / "lerobot-fly"
    program.write_text("#!/bin/sh")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert Command("fly", "lerobot-fly", ("--high",)).arguments == [str(program), "--high"]


def test_a_finished_recording_that_is_run_again_starts_afresh(tmp_path, python):
    outputs = tmp_path / "outputs"
    recording = command("record", outputs=(outputs,), resumes=True)
    journal = Journal.open(tmp_path)
    journal.execute(recording)
    outputs.mkdir()
    journal.execute(recording)
    assert not outputs.exists()


def test_an_interrupt_stops_the_command_and_what_it_started(tmp_path):
    script = f"""
import signal, sys
from pathlib import Path
from lerobot_anchorvla.commands import Command, run_logged
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
Command.arguments = property(lambda self: [sys.executable, *self.options])
code = "import os, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; " \\
       "time.sleep(60)']); print(os.getpid(), child.pid, flush=True); time.sleep(60)"
try:
    run_logged(Command("sleep", "python", ("-c", code)), Path({str(tmp_path / "log")!r}))
except KeyboardInterrupt:
    print("interrupted")
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pids = _wait_for(tmp_path / "log")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=20)
    assert "interrupted" in output
    deadline = time.monotonic() + 20  # they were told to end, but may still be about it
    while any(_is_alive(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_is_alive(pid) for pid in pids)


def test_progress_is_repeated_on_a_plain_output(tmp_path, python, capsys, monkeypatch):
    monkeypatch.setattr("lerobot_anchorvla.commands.status_line._SECONDS_BETWEEN_LINES", 0.0)
    run_logged(
        command("train", r"print('config noise'); print('\rtraining: 50%|##  | 1/2')"), tmp_path / "log"
    )
    shown = capsys.readouterr().out
    assert "train: training: 50%|## | 1/2" in shown
    assert "config noise" not in shown


def _wait_for(log: Path) -> list[int]:
    for _ in range(200):
        if log.exists() and len(log.read_text().split()) == 2:
            return [int(word) for word in log.read_text().split()]
        time.sleep(0.1)
    raise AssertionError("the command did not start")


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_of_several_commands_those_that_are_unfinished_are_run_in_order(tmp_path, python, capsys):
    journal = Journal.open(tmp_path)
    commands = [command(name) for name in ("record", "train", "evaluate")]
    journal.execute(commands[1])
    capsys.readouterr()
    journal.execute_unfinished(commands)
    shown = capsys.readouterr().out
    assert shown.index("[1 of 3]") < shown.index("[3 of 3]")
    assert "[2 of 3]" not in shown
    assert all(journal.is_finished(each) for each in commands)
