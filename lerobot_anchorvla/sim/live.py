"""Which simulation runs in this process, so that a scripted expert can see what it plays on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lerobot_anchorvla.sim.session import Session

_sessions: list[Session] = []


def publish(session: Session) -> None:
    """Make the session the one that `live_session` finds, until it is withdrawn."""
    _sessions.append(session)


def withdraw(session: Session) -> None:
    """Undo `publish`."""
    _sessions.remove(session)


def live_session() -> Session:
    """The one session of this process; a RuntimeError says what is missing, or that there are several."""
    if len(_sessions) != 1:
        raise RuntimeError(
            f"a scripted expert plays on one simulated robot, and {len(_sessions)} are connected in this "
            "process: give --robot.type=go2_so101_sim"
        )
    return _sessions[0]
