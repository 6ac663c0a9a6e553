"""What the robot reports and obeys: names, units and limits. Needs neither MuJoCo nor LeRobot.

The arm's numbers are those of LeRobot's SO101 follower: degrees for the joints, 0 (closed) to 100 (open) for
the gripper. The base's are body-frame velocities, in [m/s] and [rad/s].
"""

import numpy as np

from lerobot_anchorvla.kinematics import so101

CONTROL_HZ = 15

ARM_JOINTS = (*so101.JOINTS, "gripper")
ARM_NAMES = [f"{joint}.pos" for joint in ARM_JOINTS]
VELOCITY_NAMES = ["x.vel", "y.vel", "theta.vel"]

STATE_NAMES = ARM_NAMES + VELOCITY_NAMES
"""Measured joint positions, then the measured velocity of the base."""

ACTION_NAMES = ARM_NAMES + VELOCITY_NAMES
"""Joint position targets, then the commanded velocity of the base."""

TARGET_NAMES = [
    "target.x",
    "target.y",
    "target.z",
    "target.cos",
    "target.sin",
    "gripper_to_target.x",
    "gripper_to_target.y",
    "gripper_to_target.z",
    "target.progress",
]
"""Position of the target in the arm's base frame [m], cosine and sine of the heading from which to face it as
seen from the robot, way from the grasp point to the target in the arm's base frame [m], and progress [m]."""

CAMERAS = ("front", "wrist")

IMAGE_SIZE = 64
"""Height and width of the cameras' images unless told otherwise, in pixels: what the policy sees."""

IMAGE_HEIGHTS, IMAGE_WIDTHS = (4, 960), (4, 1280)
"""Smallest and largest image that a camera gives, in pixels."""

GRIPPER_LIMITS = np.array([-0.17453, 1.74533])  # [rad], closed and open
VELOCITY_LIMITS = np.array([0.4, 0.2, 0.8])  # [m/s], [m/s], [rad/s]

ACTION_LOW = np.concatenate([np.rad2deg(so101.LOWER_LIMITS), [0.0], -VELOCITY_LIMITS])
ACTION_HIGH = np.concatenate([np.rad2deg(so101.UPPER_LIMITS), [100.0], VELOCITY_LIMITS])

# Folded over the back of the quadruped: LeRobot units, shape (6,).
ARM_REST = np.array([0.0, -95.0, 85.0, 30.0, 0.0, 9.0])


def arm_to_radians(positions: np.ndarray) -> np.ndarray:
    """Arm positions (6,) from degrees and 0..100 to the model's [rad]."""
    low, high = GRIPPER_LIMITS
    return np.append(np.deg2rad(positions[:5]), low + positions[5] / 100 * (high - low))


def arm_from_radians(angles: np.ndarray) -> np.ndarray:
    """Arm positions (6,) from the model's [rad] to degrees and 0..100."""
    low, high = GRIPPER_LIMITS
    return np.append(np.rad2deg(angles[:5]), 100 * (angles[5] - low) / (high - low))


def check_image_size(height: int, width: int, prefix: str = "") -> None:
    """Raises a ValueError for a size that no camera gives; `prefix` stands before the field's name."""
    for name, value, (least, most) in (("height", height, IMAGE_HEIGHTS), ("width", width, IMAGE_WIDTHS)):
        if not isinstance(value, int | np.integer):
            raise ValueError(f"{prefix}image_{name} must be a whole number of pixels, got {value!r}")
        if not least <= value <= most:
            raise ValueError(
                f"{prefix}image_{name} must be at least {least} and at most {most} pixels, got {value}"
            )


def checked_action(action: np.ndarray) -> np.ndarray:
    """The action (9,) clipped to the limits, as float64; refuses a wrong shape and anything not finite."""
    values = np.asarray(action, dtype=np.float64)
    if values.shape != (len(ACTION_NAMES),):
        raise ValueError(
            f"action must have shape ({len(ACTION_NAMES)},), one value for each of {ACTION_NAMES}; "
            f"got shape {values.shape}"
        )
    if not np.isfinite(values).all():
        bad = {name: float(v) for name, v in zip(ACTION_NAMES, values, strict=True) if not np.isfinite(v)}
        raise ValueError(
            f"action must be finite; got {bad}. Check the policy's output and its normalisation."
        )
    return np.clip(values, ACTION_LOW, ACTION_HIGH)
