import contextlib

import numpy as np
import pytest

from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.envs.traces import Trace
from lerobot_anchorvla.evaluation.figures import strip_view

NOTHING = np.zeros((0, 9))


@pytest.mark.parametrize("world", [{}, {"task": "lift_bag"}, {"level": "hard"}])
def test_the_strip_shows_the_robot_and_its_target_wherever_they_are(world):
    with contextlib.closing(Go2SO101Env(base="planar", image_height=4, image_width=4, **world)) as env:
        for seed in range(5):
            view = strip_view(env, Trace(seed, False, NOTHING, NOTHING, NOTHING))
            arm = env.world.data.body("arm_base").xpos
            target, _ = env.world.task.target(env.world.data)
            pixels = view.camera(env.world).project(np.stack([arm, target]))
            assert (pixels > 0).all() and (pixels < [view.width, view.height]).all()
            # The robot is on the left, its target on the right.
            assert pixels[1, 0] - pixels[0, 0] > view.width / 3, (
                "the robot is on the left, the target on the right"
            )
