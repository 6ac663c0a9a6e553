"""What a real robot suffers and a simulated one does not, as options with names and units."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Disturbances:
    """Strength of each kind of disturbance. A kind that is left empty takes `scale` times its default."""

    # Times the default strength of every kind that is not set by itself: 0 is none, 1 the default.
    scale: float = 0.0
