"""Tells what the time of a program went into."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any


class Stopwatch:
    """Times parts of a program that call each other; what a part calls is not counted as its own.

    Attributes:
        seconds: own time of each part.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._inner = 0.0

    def attach(self, part: str, owner: object, method: str) -> None:
        """Count all calls of that object's method as time of `part`."""
        setattr(owner, method, self._timed(part, getattr(owner, method)))

    def _timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            outer, self._inner = self._inner, 0.0
            start = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                whole = time.perf_counter() - start
                self.seconds[part] += whole - self._inner
                self._inner = outer + whole

        return timed
