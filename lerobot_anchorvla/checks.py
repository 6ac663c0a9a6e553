"""Checks that configurations share."""

from typing import Any


def check_at_least(config: Any, **least: int) -> None:
    """Raises a ValueError that names the first field of `config` below its least value."""
    for name, value in least.items():
        if getattr(config, name) < value:
            raise ValueError(f"{name} must be at least {value}, got {getattr(config, name)}")


def check_list(config: Any, name: str, least: int, most: int | None = None) -> None:
    """Raises a ValueError unless that field of `config` holds different values in the range, or none."""
    values = getattr(config, name)
    allowed = f"at least {least}" if most is None else f"between {least} and {most}"
    if any(value < least or (most is not None and value > most) for value in values):
        raise ValueError(f"{name}: every value must be {allowed}, got {values}")
    if len(set(values)) < len(values):
        raise ValueError(f"{name} must not hold a value twice, got {values}")
