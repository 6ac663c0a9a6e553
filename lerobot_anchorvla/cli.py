"""The `anchorvla` command: one subcommand a use, each with the fields of a dataclass as its options."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import logging
import sys
import tempfile
import traceback
from dataclasses import dataclass
from typing import Any

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class Subcommand:
    """`config` and `run` are names in `module`, which is imported only when the subcommand is used."""

    summary: str
    module: str
    config: str
    run: str


SUBCOMMANDS = {
    "demo": Subcommand(
        "record, train, evaluate and report, start to end, in the embedded world",
        "lerobot_anchorvla.demo",
        "DemoConfig",
        "run_demo",
    ),
    "demos": Subcommand(
        "record demonstrations of the scripted expert into a LeRobot dataset",
        "lerobot_anchorvla.datasets.record_demonstrations",
        "DemosConfig",
        "record_demonstrations",
    ),
    "experts": Subcommand(
        "count how often the scripted expert succeeds in a world, disturbed or not",
        "lerobot_anchorvla.evaluation.experts",
        "ExpertsConfig",
        "evaluate_experts",
    ),
    "ablate": Subcommand(
        "train the anchored, gaussian and regression heads on one budget and compare them",
        "lerobot_anchorvla.evaluation.ablation",
        "AblationConfig",
        "run_ablation",
    ),
    "stress": Subcommand(
        "train a policy a task; evaluate it by chunk length, residual and base drift",
        "lerobot_anchorvla.evaluation.stress",
        "StressConfig",
        "run_stress",
    ),
    "peers": Subcommand(
        "train anchorvla and LeRobot's act and diffusion on the same demonstrations and compare them",
        "lerobot_anchorvla.evaluation.peers",
        "PeersConfig",
        "run_peers",
    ),
    "bench-sim": Subcommand(
        "measure how fast the embedded world runs here, and what takes the time",
        "lerobot_anchorvla.evaluation.simulation_speed",
        "SimulationSpeedConfig",
        "measure_simulation_speed",
    ),
    "soak": Subcommand(
        "wear the embedded world with random actions: no NaN, no growth in memory",
        "lerobot_anchorvla.evaluation.soak",
        "SoakConfig",
        "run_soak",
    ),
    "scores": Subcommand(
        "measure how well a checkpoint's scores tell which anchor the demonstrator followed",
        "lerobot_anchorvla.evaluation.scores",
        "ScoresConfig",
        "evaluate_scores",
    ),
}


def main(arguments: list[str] | None = None) -> None:
    """Runs a subcommand and leaves with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """The exit code: 0, 1 for a failure, 2 for bad input, 130 after Ctrl-C."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(usage())
        return 0 if arguments else EXIT_BAD_INPUT
    name, *options = arguments
    if name not in SUBCOMMANDS:
        near = difflib.get_close_matches(name, SUBCOMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(SUBCOMMANDS)}"
        print(f"anchorvla: there is no subcommand {name!r}; {hint}", file=sys.stderr)
        return EXIT_BAD_INPUT
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for chatty in ("httpx", "matplotlib", "PIL", "OpenGL"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    return _call(name, SUBCOMMANDS[name], options)


def usage() -> str:
    """What `anchorvla --help` prints."""
    width = max(map(len, SUBCOMMANDS))
    lines = [f"  {name:<{width}}  {command.summary}" for name, command in SUBCOMMANDS.items()]
    return "\n".join(
        [
            "usage: anchorvla SUBCOMMAND [--option=value ...]",
            "",
            *lines,
            "",
            "anchorvla SUBCOMMAND --help lists the options. Training and evaluation are LeRobot's own",
            "commands: lerobot-train --policy.type=anchorvla, lerobot-eval --env.type=go2_so101.",
        ]
    )


def _call(name: str, command: Subcommand, options: list[str]) -> int:
    """Errors that a user may mend become one line, with their traceback in a file that the line names.

    Anything else is a defect and shows its traceback.
    """
    import draccus

    from lerobot_anchorvla.commands import CommandError

    try:
        module = importlib.import_module(command.module)
        config: Any = draccus.parse(getattr(module, command.config), args=options, prog=f"anchorvla {name}")
        getattr(module, command.run)(config)
    except draccus.utils.DraccusException as error:
        print(f"anchorvla {name}: {_in_one_line(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except (ValueError, OSError, ImportError) as error:
        print(f"anchorvla {name}: {_in_one_line(error)}{_kept_traceback(name, error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except CommandError as error:
        print(f"anchorvla {name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nanchorvla {name}: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


def _in_one_line(error: BaseException) -> str:
    import draccus

    # draccus hides what a config's __post_init__ says behind a sentence of its own.
    hidden = type(error) is draccus.utils.ParsingError and isinstance(error.__cause__, ValueError)
    return " ".join(str(error.__cause__ if hidden else error).split()) or type(error).__name__


def _kept_traceback(name: str, error: BaseException) -> str:
    """Writes the traceback into a file and says where; nothing where no file can be written."""
    with contextlib.suppress(OSError):
        content = "".join(traceback.format_exception(error))
        with tempfile.NamedTemporaryFile(
            "w", prefix=f"anchorvla-{name}-", suffix=".log", delete=False
        ) as file:
            file.write(content)
        return f" (traceback: {file.name})"
    return ""


if __name__ == "__main__":
    main()
