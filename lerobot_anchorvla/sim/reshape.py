"""Moves and resizes the furniture of a compiled world, whose renderers and addresses stay valid."""

from __future__ import annotations

import numpy as np

from lerobot_anchorvla.sim.mujoco_api import mujoco

_BODY_FIELDS = (
    "pos",
    "quat",
    "ipos",
    "iquat",
    "inertia",
    "mass",
    "subtreemass",
    "invweight0",
    "sameframe",
    "simple",
)
_GEOM_FIELDS = ("pos", "quat", "size", "rbound", "aabb", "sameframe")
_SITE_FIELDS = ("pos", "quat", "size", "sameframe")
_DOF_FIELDS = ("dof_invweight0", "dof_M0", "dof_length")


def reshape(model: mujoco.MjModel, furniture: mujoco.MjModel) -> None:
    """Give the furniture in `model` the shape and the place that it has in `furniture`.

    MuJoCo derives a lot from a shape (bounds, inertia, weights of the solver), so the furniture is compiled
    anew, which takes two milliseconds without the robot, and the numbers are copied.

    Args:
        model: a world with the same furniture, by name and kind, and with other things beside it. From the
            first change on, its collisions no longer use the trees of bounding boxes within bodies, which
            were made for the shape that was compiled.
        furniture: the furniture alone. Every body, geom, site and joint has a name.
    """
    changed = False
    for kind, first, count, fields in (
        ("body", 1, furniture.nbody, _BODY_FIELDS),  # body 0 is the world
        ("geom", 0, furniture.ngeom, _GEOM_FIELDS),
        ("site", 0, furniture.nsite, _SITE_FIELDS),
    ):
        names = [getattr(furniture, kind)(i).name for i in range(first, count)]
        here = [getattr(model, kind)(name).id for name in names]
        for field in fields:
            array = getattr(model, f"{kind}_{field}")
            wanted = getattr(furniture, f"{kind}_{field}")[first:]
            changed |= not np.array_equal(array[here], wanted)
            array[here] = wanted
    for i in range(furniture.njnt):
        joint = furniture.joint(i)
        there, here = joint.dofadr[0], model.joint(joint.name).dofadr[0]
        count = len(joint.M0)
        for field in _DOF_FIELDS:
            getattr(model, field)[here : here + count] = getattr(furniture, field)[there : there + count]
    if changed:
        model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_MIDPHASE
