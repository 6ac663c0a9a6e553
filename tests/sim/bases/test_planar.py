import numpy as np

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World


def test_it_shakes_while_it_drives_and_not_while_it_stands():
    world = World(WorldOptions(base="planar"))
    world.reset(np.random.default_rng(0), start=np.zeros(3))

    def sway(command):
        heights = []
        for _ in range(20):
            world.step(np.concatenate([signals.ARM_REST, [command, 0, 0]]))
            heights.append(world.data.body("base").xpos[2])
        return np.ptp(heights[5:])

    assert sway(0.0) < 5e-4
    assert sway(0.3) > 2e-3
