"""The one place that imports MuJoCo, which is an optional dependency."""

import os
import sys

if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
    os.environ.setdefault("MUJOCO_GL", "egl")  # read once, when mujoco is imported

# Where Mesa draws on the CPU: no threads of its own, since several simulations at once would fight over the
# cores. Read when the first context is made; a GPU ignores it.
os.environ.setdefault("LP_NUM_THREADS", "0")

try:
    import mujoco
except ImportError as error:
    raise ImportError(
        "The embedded simulation needs MuJoCo. Install it with: pip install 'lerobot_policy_anchorvla[sim]'"
    ) from error

__all__ = ["mujoco"]
