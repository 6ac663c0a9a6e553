"""How an episode's instruction is worded. Needs no MuJoCo."""

from __future__ import annotations

import numpy as np

WORDINGS = {
    "open_drawer": (
        "open the {}",
        "pull the {} open",
        "please open the {}",
        "grasp the handle of the {} and pull it open",
        "go to the cabinet and open the {}",
        "slide the {} out",
    ),
    "lift_bag": (
        "lift the {}",
        "pick up the {}",
        "please lift the {}",
        "take the {} by its handle and lift it",
        "go to the {} and pick it up",
        "raise the {} off the floor",
    ),
}
"""By task, the usual wording first. The gap is for what the target is called, such as "upper drawer"."""


def instruction(task: str, named: str, rng: np.random.Generator | None = None) -> str:
    """What to do, in words.

    Args:
        task: in `TASKS`.
        named: what the target is called.
        rng: draws among the wordings; without it the usual one is taken.
    """
    wordings = WORDINGS[task]
    chosen = 0 if rng is None else int(rng.integers(len(wordings)))
    return wordings[chosen].format(named)
