"""Checks that configurations share."""

from typing import Any


def check_at_least(config: Any, **least: int) -> None:
    """Raises a ValueError that names the first field of `config` below its least value."""
    for name, value in least.items():
        if getattr(config, name) < value:
            raise ValueError(f"{name} must be at least {value}, got {getattr(config, name)}")
