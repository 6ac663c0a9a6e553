import json
from dataclasses import dataclass
from pathlib import Path

from lerobot_anchorvla.evaluation.pages import (
    changed_options,
    command_line,
    markdown_table,
    paragraph,
    world_in_words,
    write_numbers,
    write_page,
)
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.options import WorldOptions


def test_a_table_has_a_line_under_its_heads():
    assert markdown_table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_only_what_was_changed_is_an_option_and_no_path_of_this_machine():
    default = {
        "steps": 5,
        "seeds": [0],
        "root": None,
        "page": None,
        "disturbances": {"scale": 0.0, "push": None},
    }
    values = {
        "steps": 5,
        "seeds": [0, 1],
        "root": Path("/home/me/data"),
        "page": Path("docs/page.md"),
        "disturbances": {"scale": 0.0, "push": 3.0},
    }
    changed = changed_options(values, default)
    assert changed == {"seeds": "[0,1]", "page": Path("docs/page.md"), "disturbances__push": 3.0}
    line = command_line("demo", **changed)
    assert line == "anchorvla demo '--seeds=[0,1]' --page=docs/page.md --disturbances.push=3.0"


def test_a_world_is_told_by_what_is_not_the_default():
    plain = WorldOptions(task="lift_bag", base="planar", level="fixed")
    assert world_in_words(plain) == "planar base, level fixed"
    drifting = WorldOptions(base="planar", random_start=False, disturbances=Disturbances(base_drift=0.1))
    words = "planar base, level fixed, random_start=false, disturbances.base_drift=0.1"
    assert world_in_words(drifting) == words


def test_a_paragraph_keeps_its_words_on_lines_of_one_width():
    text = "word " * 60 + "\n  `--a-long.option=with-hyphens`"
    lines = paragraph(text).splitlines()
    assert " ".join(lines).split() == text.split()
    assert max(map(len, lines)) <= 110
    assert min(map(len, lines[:-1])) > 100


def test_numbers_are_written_with_their_configuration(tmp_path):
    @dataclass
    class Row:
        successes: int

    write_numbers(tmp_path / "numbers.json", WorldOptions(task="lift_bag"), [Row(3)])
    written = json.loads((tmp_path / "numbers.json").read_text())
    assert written["config"]["task"] == "lift_bag"
    assert written["rows"] == [{"successes": 3}]


def test_a_page_may_be_the_first_of_its_folder(tmp_path):
    write_page(tmp_path / "new" / "page.md", "text\n")
    assert (tmp_path / "new" / "page.md").read_text() == "text\n"
