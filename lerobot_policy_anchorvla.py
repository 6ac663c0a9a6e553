"""The module that LeRobot imports by the distribution's name; the import registers the plugin."""

import lerobot_anchorvla.register  # noqa: F401
