import numpy as np
import pytest

from lerobot_anchorvla.sim import signals
from lerobot_anchorvla.sim.bases import BASES
from lerobot_anchorvla.sim.disturbances import Disturbances
from lerobot_anchorvla.sim.disturber import (
    DRIFT_SECONDS,
    PUSH_TICKS,
    YAW_SHARE,
    BaseDrift,
    CommandChannel,
    DelayedFrames,
    ObservationNoise,
    Pushes,
)
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.world import World

RESTING = np.concatenate([signals.ARM_REST, np.zeros(3)])


def rng(seed=0):
    return np.random.default_rng(seed)


def numbered(count):
    """Actions that tell which tick they were sent on, from 1."""
    return [np.full(9, float(tick)) for tick in range(1, count + 1)]


# Commands.


def test_commands_arrive_after_the_latency():
    channel = CommandChannel(latency=2, loss=0.0)
    channel.reset(rng(), np.zeros(9))
    executed = [channel.transmit(action)[0] for action in numbered(5)]
    assert executed == [0, 0, 1, 2, 3]


def test_a_lost_command_repeats_the_last_one_that_arrived():
    channel = CommandChannel(latency=0, loss=0.3)
    channel.reset(rng(), np.zeros(9))
    executed = [channel.transmit(action)[0] for action in numbered(4000)]
    fresh = np.array(executed) == np.arange(1, 4001)
    assert fresh.mean() == pytest.approx(0.7, abs=0.03)
    for tick in range(1, 4000):
        assert fresh[tick] or executed[tick] == executed[tick - 1]


def test_a_channel_that_loses_all_keeps_the_robot_at_rest():
    channel = CommandChannel(latency=1, loss=1.0)
    channel.reset(rng(), RESTING)
    for action in numbered(10):
        np.testing.assert_array_equal(channel.transmit(action), RESTING)


def test_a_new_episode_forgets_the_commands_under_way():
    channel = CommandChannel(latency=2, loss=0.0)
    for _ in range(2):
        channel.reset(rng(), np.zeros(9))
        assert [channel.transmit(action)[0] for action in numbered(3)] == [0, 0, 1]


# Drift and pushes.


def test_drift_has_its_strength_from_the_first_tick_on_and_forgets_itself():
    drift = BaseDrift(0.03)
    episodes = []
    for seed in range(600):
        drift.reset(rng(seed))
        episodes.append([drift.next() for _ in range(45)])
    values = np.array(episodes)  # (600, 45, 3)
    np.testing.assert_allclose(
        values.std(axis=0), np.tile([0.03, 0.03, YAW_SHARE * 0.03], (45, 1)), rtol=0.15
    )
    assert np.abs(values.mean(axis=0)[:, :2]).max() < 0.005
    lag = round(DRIFT_SECONDS * signals.CONTROL_HZ)
    correlation = np.mean(values[:, :-lag, 0] * values[:, lag:, 0]) / np.mean(values[..., 0] ** 2)
    assert correlation == pytest.approx(np.exp(-1), abs=0.06)


def test_pushes_have_their_strength_length_and_pace_and_no_favourite_direction():
    pushes = Pushes(force=30.0, interval=2.0)
    pushes.reset(rng())
    forces = np.array([pushes.next() for _ in range(60_000)])
    sizes = np.linalg.norm(forces, axis=1)
    pushed = sizes > 0
    np.testing.assert_allclose(sizes[pushed], 30.0)
    starts = np.flatnonzero(pushed & (np.abs(np.diff(forces, axis=0, prepend=0)).sum(axis=1) > 0))
    assert pushed.sum() == pytest.approx(PUSH_TICKS * len(starts), abs=PUSH_TICKS)
    gap = np.diff(starts).mean() / signals.CONTROL_HZ - PUSH_TICKS / signals.CONTROL_HZ
    assert gap == pytest.approx(2.0, rel=0.1)
    assert np.abs(forces[pushed].mean(axis=0)).max() < 0.1 * 30


# Observations.


def test_errors_stay_during_a_tick_and_have_the_stated_sizes():
    noise = ObservationNoise(joints=0.5, velocity=0.02, target=0.003)
    noise.reset(rng())
    true_target = np.array([0.3, 0.1, 0.2, np.cos(0.3), np.sin(0.3), 0, 0, 0, 0.05])
    states, targets = [], []
    for _ in range(3000):
        np.testing.assert_array_equal(noise.state(RESTING), noise.state(RESTING))
        states.append(noise.state(RESTING))
        targets.append(noise.target(true_target, RESTING))
        noise.draw()
    sigma = [0.5] * 6 + [0.02, 0.02, 0.06]
    np.testing.assert_allclose(np.std(states, axis=0), sigma, rtol=0.1)
    np.testing.assert_allclose(np.mean(states, axis=0), RESTING, atol=0.05)
    targets = np.array(targets)
    np.testing.assert_allclose(targets[:, [0, 1, 2, 8]].std(axis=0), 0.003, rtol=0.1)
    turns = np.arctan2(targets[:, 4], targets[:, 3])
    assert turns.mean() == pytest.approx(0.3, abs=0.002) and turns.std() == pytest.approx(0.009, rel=0.1)
    np.testing.assert_allclose(np.hypot(targets[:, 3], targets[:, 4]), 1.0)


def test_frames_arrive_late_and_only_what_is_asked_for_is_rendered():
    frames = DelayedFrames(2)
    rendered = []

    def see(camera, tick):
        def render():
            rendered.append((camera, tick))
            return np.array([tick])

        return int(frames.arriving(camera, tick, render)[0])

    assert [see("front", tick) for tick in range(5)] == [0, 0, 0, 1, 2]
    assert see("front", 4) == 2  # asked again on the same tick
    assert rendered == [("front", tick) for tick in range(5)]
    assert [see("wrist", 3), see("wrist", 4), see("wrist", 9)] == [3, 3, 4]  # read now and then only
    frames.reset()
    assert see("front", 0) == 0


# In the world.


def drive(world, ticks=60, seed=3):
    """States and targets, observed and true, of each tick: shape (ticks, 36)."""
    world.reset(rng(seed))
    rows = []
    for tick in range(ticks):
        world.step(np.array([0, -60, 60, 20, 0, 50, 0.2 * np.sin(tick / 5), 0.0, 0.3]))
        rows.append(np.concatenate([world.state(), world.target(), world.true_state(), world.true_target()]))
    return np.array(rows)


@pytest.fixture(scope="module", params=BASES)
def base(request):
    return request.param


@pytest.fixture(scope="module")
def undisturbed(base):
    return drive(disturbed(base))


def disturbed(base="planar", **strengths):
    return World(WorldOptions(base=base, disturbances=Disturbances(**strengths)))


def test_without_disturbances_the_truth_is_observed(undisturbed):
    np.testing.assert_array_equal(undisturbed[:, :18], undisturbed[:, 18:])


def test_kinds_that_are_switched_off_change_nothing(base, undisturbed):
    off = dict.fromkeys(("base_drift", "push_force", "command_latency", "dropped_ticks"), 0)
    noise = dict.fromkeys(("joint_noise", "velocity_noise", "target_noise"), 0)
    np.testing.assert_array_equal(drive(disturbed(base, scale=1, **off, **noise)), undisturbed)


@pytest.mark.parametrize(
    "strengths", [{"base_drift": 0.05}, {"push_force": 60}, {"command_latency": 1}, {"dropped_ticks": 0.3}]
)
def test_the_world_moves_otherwise_in_the_same_way_each_time(base, undisturbed, strengths):
    world = disturbed(base, **strengths)
    rows = drive(world)
    assert np.abs(rows - undisturbed).max() > 1e-3
    np.testing.assert_array_equal(rows[:, :18], rows[:, 18:])  # what is observed is true
    np.testing.assert_array_equal(drive(world), rows)
    assert np.abs(drive(world, seed=4) - rows).max() > 1e-3


def test_noise_changes_what_is_observed_and_not_what_is_there(base, undisturbed):
    rows = drive(disturbed(base, joint_noise=1.0, target_noise=0.005))
    np.testing.assert_array_equal(rows[:, 18:], undisturbed[:, 18:])
    assert (rows[:, :6] != rows[:, 18:24]).all()
    np.testing.assert_array_equal(rows[:, 6:9], rows[:, 24:27])  # the velocity has no noise of its own


def test_one_kind_does_not_change_what_another_draws():
    alone, beside = drive(disturbed(base_drift=0.05)), drive(disturbed(base_drift=0.05, joint_noise=1.0))
    np.testing.assert_array_equal(alone[:, 18:], beside[:, 18:])


def test_the_way_from_the_gripper_is_what_the_measured_joints_say():
    """Exact joints give the truth back, whatever the error of the target."""
    rows = drive(disturbed(target_noise=0.01))
    observed, true = rows[:, 9:18], rows[:, 27:36]
    np.testing.assert_allclose(observed[:, 5:8] - true[:, 5:8], observed[:, :3] - true[:, :3], atol=1e-9)
    assert np.abs(observed[:, :3] - true[:, :3]).max() > 0.01


def test_a_push_moves_the_robot_and_ends(base):
    world = disturbed(base, push_force=100.0, push_interval=1.0)
    world.reset(rng(0))
    forces, speeds = [], []
    for _ in range(60):
        world.step(RESTING)
        forces.append(np.linalg.norm(world.data.xfrc_applied[world.model.body("base").id]))
        speeds.append(np.linalg.norm(world.true_state()[6:8]))
    pushed = np.array(forces) > 0
    assert 0 < pushed.mean() < 0.5
    assert np.array(speeds)[pushed].min() > 0.05 and min(speeds) < 0.01
    world.reset(rng(0))
    assert not world.data.xfrc_applied.any()


def test_images_are_late_and_the_first_one_is_new():
    world = disturbed(camera_delay=2)
    world.reset(rng(0))
    taken, arrived = [], []
    for _ in range(5):
        taken.append(world.render("wrist", 24, 32))
        arrived.append(world.image("wrist", 24, 32))
        world.step(np.array([0, -60, 60, 20, 0, 50, 0.3, 0.0, 0.5]))
    world.close()
    for tick, image in enumerate(arrived):
        np.testing.assert_array_equal(image, taken[max(0, tick - 2)])
    assert not np.array_equal(taken[0], taken[4])
