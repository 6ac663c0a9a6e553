"""Parts of the pages that experiments write for the docs."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lerobot_anchorvla.commands import options, wrapped
from lerobot_anchorvla.evaluation.experiment import flat, world_arguments
from lerobot_anchorvla.sim.options import WorldOptions


def markdown_table(heads: list[str], rows: list[list[str]]) -> str:
    """A table with one line a row."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def paragraph(text: str) -> str:
    """The same words on lines of one width."""
    return textwrap.fill(" ".join(text.split()), 110, break_long_words=False, break_on_hyphens=False)


def write_page(page: Path, content: str) -> None:
    """Writes the page, into a folder that may be new."""
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(content)


def write_numbers(path: Path, config: Any, rows: list[Any]) -> None:
    """Writes a configuration and the rows of its table, both dataclasses, as JSON."""
    content = {"config": asdict(config), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(content, indent=2, default=str) + "\n")


def command_line(subcommand: str, **values: Any) -> str:
    """`anchorvla SUBCOMMAND` with these options, on several lines where it is long."""
    return wrapped(shlex.join(["anchorvla", subcommand, *options(**values)]))


def changed_options(values: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The values that are not the defaults, as arguments of `options`; paths of this machine are left out."""
    values, defaults = flat(values), flat(defaults)
    return {
        name: str(value).replace(" ", "") if isinstance(value, list) else value
        for name, value in values.items()
        if value != defaults.get(name) and not Path(str(value)).is_absolute()
    }


def world_in_words(world: WorldOptions) -> str:
    """Base and level of a world, and whatever else of it is not the default."""
    named = ("task", "base", "level")
    others = {name: value for name, value in world_arguments(world).items() if name not in named}
    return ", ".join([f"{world.base} base", f"level {world.level}", *(o[2:] for o in options(**others))])
