"""Lets a teleoperator begin and end LeRobot's recording episodes, as its keyboard does.

`lerobot-record` tells a teleoperator nothing of its episodes. It keeps a dictionary of `events`, which only
its keyboard listener sets, and runs `record_loop` in turn for an episode and for the reset after it. That
function is wrapped here, which shows both the events and the phase.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

RECORDER = "lerobot.scripts.lerobot_record"
MARK = "_episodes_followed"


@dataclass
class Phase:
    """One run of LeRobot's recording loop.

    Attributes:
        recorded: whether it is an episode; else it is the reset between two episodes.
        fps: frames that it stores in a second.
        task: the words that are stored with each frame; may be changed at the start.
        skip: set at the start, it leaves the phase out.
    """

    recorded: bool
    fps: int
    task: str
    skip: bool = False
    _events: dict[str, bool] = field(default_factory=dict, repr=False)

    def end(self) -> None:
        """End the phase after this tick, as the right arrow key does."""
        self._events["exit_early"] = True

    def rerecord(self) -> None:
        """Throw the episode away and record it again, as the left arrow key does."""
        self._events["rerecord_episode"] = True
        self.end()

    def stop(self) -> None:
        """End the recording, as the escape key does."""
        self._events["stop_recording"] = True
        self.end()


class EpisodeEvents:
    """Follows the phases of `lerobot-record` while attached; in other commands it has nothing to follow.

    Args:
        on_start: called before each phase.
        on_end: called after each phase, unless an error ended it.

    Attributes:
        phase: the one that runs now, or None.
    """

    def __init__(
        self,
        on_start: Callable[[Phase], None] = lambda phase: None,
        on_end: Callable[[Phase], None] = lambda phase: None,
    ) -> None:
        self.phase: Phase | None = None
        self._on_start = on_start
        self._on_end = on_end
        self._originals: dict[str, Callable[..., None]] = {}

    def attach(self) -> None:
        """Follow the recording of this process, if it has one. One teleoperator at a time can do so."""
        for name, recorder in _recorders().items():
            original = recorder.record_loop
            if hasattr(original, MARK):
                raise RuntimeError("another teleoperator follows the recording already: disconnect it first")
            self._originals[name] = original
            recorder.record_loop = self._wrap(original)  # type: ignore[attr-defined]

    def detach(self) -> None:
        """Leave LeRobot as it was."""
        for name, original in self._originals.items():
            sys.modules[name].record_loop = original  # type: ignore[attr-defined]
        self._originals.clear()

    def _wrap(self, record_loop: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(record_loop)
        def followed(
            robot: Any,
            events: dict[str, bool],
            fps: int,
            *args: Any,
            dataset: Any = None,
            single_task: str | None = None,
            **kwargs: Any,
        ) -> None:
            with self._following(Phase(dataset is not None, fps, single_task or "", _events=events)) as phase:
                if not phase.skip:
                    record_loop(robot, events, fps, *args, dataset=dataset, single_task=phase.task, **kwargs)

        setattr(followed, MARK, True)
        return followed

    @contextlib.contextmanager
    def _following(self, phase: Phase) -> Iterator[Phase]:
        self.phase = phase
        try:
            self._on_start(phase)
            yield phase
            self._on_end(phase)
        finally:
            self.phase = None
            # On the last tick of a phase it comes too late, and would end the next one before it begins.
            phase._events["exit_early"] = False


def _recorders() -> dict[str, ModuleType]:
    """The loaded modules with LeRobot's recording loop, by name: `python -m` loads it as `__main__`."""
    loaded = {name: sys.modules[name] for name in ("__main__", RECORDER) if name in sys.modules}
    return {
        name: module
        for name, module in loaded.items()
        if name == RECORDER or getattr(getattr(module, "__spec__", None), "name", None) == RECORDER
    }
