"""Writes report.html, one self-contained page; report.json, its numbers; and pictures/, its pictures."""

from __future__ import annotations

import base64
import html
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import Template
from typing import Any

from lerobot_anchorvla.agent import AnchorVLAAgent
from lerobot_anchorvla.commands import wrapped
from lerobot_anchorvla.envs.go2_so101.env import Go2SO101Env
from lerobot_anchorvla.envs.traces import Trace, load_traces
from lerobot_anchorvla.evaluation import figures, plots
from lerobot_anchorvla.evaluation.intervals import Rate
from lerobot_anchorvla.evaluation.lerobot_outputs import EvalResult, learning_curve, read_eval
from lerobot_anchorvla.evaluation.multimodality import ModeCount, count_modes, demonstrated_modes
from lerobot_anchorvla.evaluation.pages import world_in_words
from lerobot_anchorvla.sim.experts import mode_names
from lerobot_anchorvla.sim.options import WorldOptions
from lerobot_anchorvla.sim.signals import CONTROL_HZ
from lerobot_anchorvla.sim.tasks import TASKS

_TEMPLATE = Path(__file__).with_name("report.html")
_MEDIA = {"svg": "image/svg+xml", "png": "image/png", "jpg": "image/jpeg"}
_CHOICE = {
    "first": "It scores them in the first denoising step, and denoises further only the one that it chooses.",
    "last": "It denoises them all to the end, scores them in the last denoising step, and executes one.",
}
"""What a query does, by `score_step`."""
_WAYS = {
    "open_drawer": "it comes from the left, the centre or the right, and pulls with its arm or by walking "
    "backwards",
    "lift_bag": "it comes from the left, the centre or the right",
}
"""What tells the expert's modes apart, by task."""


@dataclass(frozen=True)
class Evaluated:
    """One `lerobot-eval` with traces.

    Attributes:
        title: of the policy, as the reader sees it.
        folder: `--output_dir` of the evaluation.
        traces: `--env.trace_dir` of the evaluation.
    """

    title: str
    folder: Path
    traces: Path


@dataclass(frozen=True)
class Trained:
    """One `lerobot-train`: its title and its log."""

    title: str
    log: Path


@dataclass(frozen=True)
class ShownCommand:
    """A command line of the run and how long it took."""

    title: str
    line: str
    seconds: float


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from.

    Attributes:
        world: of the demonstrations and of the evaluations.
        dataset_root: the demonstrations.
        checkpoint: `pretrained_model` folder of the policy whose decisions are drawn.
        env: further settings of the environment, as keyword arguments of `Go2SO101Env`.
        trained: trainings in order.
        log_freq: `--log_freq` of the trainings.
        evaluated: evaluations in order; the first one's episodes are shown.
        commands: everything that ran.
    """

    world: WorldOptions
    dataset_root: Path
    checkpoint: Path
    env: dict[str, Any]
    trained: list[Trained]
    log_freq: int
    evaluated: list[Evaluated]
    commands: list[ShownCommand]


class Pictures:
    """Keeps the page's pictures as files too, so that they can be used elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, content: bytes) -> str:
        """Writes the file and returns it as the source of an `img`. The name's suffix tells the format."""
        (self._folder / name).write_bytes(content)
        return f"data:{_MEDIA[name.rpartition('.')[2]]};base64,{base64.b64encode(content).decode()}"

    def figure(self, name: str, content: bytes, caption: str) -> str:
        """The same with a caption."""
        text = html.escape(caption)
        source = self.add(name, content)
        return f'<figure><img alt="{text}" src="{source}"><figcaption>{text}</figcaption></figure>'


def write_report(inputs: ReportInputs, folder: Path) -> Path:
    """Writes everything into the folder and returns the path of the page."""
    pictures = Pictures(folder / "pictures")
    results = [read_eval(evaluated.folder) for evaluated in inputs.evaluated]
    traces = [load_traces(evaluated.traces) for evaluated in inputs.evaluated]
    demonstrated = demonstrated_modes(inputs.dataset_root)
    task = inputs.world.task
    modes = [count_modes(each, task) for each in traces]
    agent = AnchorVLAAgent.from_pretrained(inputs.checkpoint, instruction=TASKS[task])
    env = Go2SO101Env(**inputs.env, **inputs.world.world_options())
    try:
        query = figures.query_seconds(agent, env.reset(seed=0)[0])
        page = Template(_TEMPLATE.read_text()).substitute(
            task=html.escape(TASKS[task]),
            summary=_summary(inputs, sum(demonstrated.values()), results[0]),
            cards=_cards(inputs.evaluated, results, [_falls(each) for each in traces]),
            strips=_strips(pictures, env, traces[0]),
            candidates=_candidates(pictures, env, agent, traces[0]),
            choice=_CHOICE[agent.policy.config.score_step],
            horizon_s=f"{agent.policy.config.chunk_size / CONTROL_HZ:.2f}",
            num_anchors=agent.policy.config.num_anchors,
            log_freq=inputs.log_freq,
            learning=pictures.add("learning.svg", _learning(inputs)),
            ways=f"{len(mode_names(task))} ways: {_WAYS[task]}",
            modes=_modes_table(inputs.evaluated, modes, demonstrated),
            times=_times_table(inputs, results, query),
            commands=_commands(inputs.commands),
            **_vocabulary(pictures, agent),
        )
    finally:
        env.close()
    path = folder / "report.html"
    path.write_text(page)
    numbers = _numbers(inputs, results, traces, modes, demonstrated, agent, query)
    (folder / "report.json").write_text(json.dumps(numbers, indent=2) + "\n")
    return path


# ------------------------------------------------------------------------------------------- the parts


def _summary(inputs: ReportInputs, demonstrations: int, result: EvalResult) -> str:
    seconds = sum(command.seconds for command in inputs.commands)
    return (
        f"A Unitree Go2 with an SO101 arm in the embedded MuJoCo world ({world_in_words(inputs.world)}): "
        f"{demonstrations} scripted demonstrations, training on this machine, {result.rate.trials} held-out "
        f"episodes. {_duration(seconds)} in all."
    )


def _cards(evaluated: Sequence[Evaluated], results: Sequence[EvalResult], falls: Sequence[int]) -> str:
    each = zip(evaluated, results, falls, strict=True)
    return "".join(_card(shown.title, result.rate, fallen) for shown, result, fallen in each)


def _falls(traces: Iterable[Trace]) -> int:
    return sum(trace.fallen for trace in traces)


def _card(title: str, rate: Rate, falls: int) -> str:
    fallen = f"; the robot fell over in {falls}" if falls else ""
    low, high = (100 * end for end in rate.interval)
    return (
        f'<div class="card"><div class="label">{html.escape(title)}</div>'
        f'<div class="value">{100 * rate.value:.0f}&nbsp;%</div>'
        f'<div class="bar"><div class="interval" style="left:{low:.1f}%;width:{high - low:.1f}%"></div>'
        f'<div class="point" style="left:{100 * rate.value:.1f}%"></div></div>'
        f'<div class="note">{rate.successes} of {rate.trials} held-out episodes succeeded; '
        f"95&nbsp;% interval {low:.0f} to {high:.0f}&nbsp;%{fallen}</div></div>"
    )


def _strips(pictures: Pictures, env: Go2SO101Env, traces: Iterable[Trace]) -> str:
    parts = []
    for success, title in ((True, "A success"), (False, "A failure")):
        shown = next((trace for trace in traces if trace.success is success), None)
        if shown is None:
            word = "succeeded" if success else "failed"
            parts.append(f'<p class="soft">No episode {word}, so that there is none to show.</p>')
            continue
        seconds = len(shown.actions) / CONTROL_HZ
        caption = f"{title}: seed {shown.seed}, {seconds:.1f} s from left to right."
        name = "success.jpg" if success else "failure.jpg"
        parts.append(pictures.figure(name, figures.draw_strip(env, shown), caption))
    return "".join(parts)


def _candidates(pictures: Pictures, env: Go2SO101Env, agent: AnchorVLAAgent, traces: Sequence[Trace]) -> str:
    shown = next((trace for trace in traces if trace.success), traces[0])
    decision = figures.draw_decision(env, agent, shown)
    colour = "Orange: the chosen candidate. Blue: the others, the likelier the stronger."
    behind = pictures.figure("decision.png", decision.behind, f"From over the robot's shoulder. {colour}")
    front = pictures.figure(
        "decision_front.png", decision.front, f"The same candidates in the robot's front camera. {colour}"
    )
    spread = f"The probabilities sum to {decision.probabilities.sum():.2f}; 1 would be calibrated."
    bars = pictures.figure("scores.svg", decision.scores, f"Scores of the candidates. {spread}")
    return f'<div class="pair">{behind}{front}</div>{bars}'


def _vocabulary(pictures: Pictures, agent: AnchorVLAAgent) -> dict[str, str]:
    vocabulary, picture = agent.policy.vocabulary, figures.draw_vocabulary(agent)
    if vocabulary is None or picture is None:
        return {"vocabulary": "", "coverage": "This head has no vocabulary."}
    return {
        "vocabulary": pictures.add("vocabulary.svg", picture),
        "coverage": html.escape(vocabulary.report()),
    }


def _learning(inputs: ReportInputs) -> bytes:
    curves = {trained.title: learning_curve(trained.log, inputs.log_freq) for trained in inputs.trained}
    return plots.learning_curves(curves)


def _modes_table(
    evaluated: Sequence[Evaluated], modes: Sequence[list[ModeCount]], demonstrated: Counter[str]
) -> str:
    heads = ["mode", "demonstrated", *(f"{each.title}: taken, succeeded" for each in evaluated)]
    names = list(dict.fromkeys(count.mode for counts in modes for count in counts))
    rows = []
    for name in names:
        found = [next((count for count in counts if count.mode == name), None) for counts in modes]
        cells = [f"{count.episodes}, {count.successes}" if count else "0, 0" for count in found]
        rows.append([name, str(demonstrated[name]), *cells])
    return _table(heads, rows)


def _times_table(inputs: ReportInputs, results: Sequence[EvalResult], query: float) -> str:
    rows = [[command.title, _duration(command.seconds)] for command in inputs.commands]
    rows += [
        [f"One held-out episode: {each.title.lower()}", f"{result.seconds / result.rate.trials:.1f} s"]
        for each, result in zip(inputs.evaluated, results, strict=True)
    ]
    rows.append(["One query of the policy: images in, a chunk of actions out", f"{1000 * query:.0f} ms"])
    return _table(["what", "time on this machine"], rows)


def _commands(commands: Iterable[ShownCommand]) -> str:
    return "".join(
        f'<div class="step">{html.escape(command.title)}<span>{_duration(command.seconds)}</span></div>'
        f"<pre>{html.escape(wrapped(command.line))}</pre>"
        for command in commands
    )


def _numbers(
    inputs: ReportInputs,
    results: Sequence[EvalResult],
    traces: Sequence[Sequence[Trace]],
    modes: Sequence[list[ModeCount]],
    demonstrated: Counter[str],
    agent: AnchorVLAAgent,
    query: float,
) -> dict[str, Any]:
    vocabulary = agent.policy.vocabulary
    return {
        "evaluations": {
            each.title: {
                "successes": result.rate.successes,
                "episodes": result.rate.trials,
                "interval_95": result.rate.interval,
                "falls": _falls(episodes),
                "modes": [asdict(count) for count in counts],
            }
            for each, result, episodes, counts in zip(inputs.evaluated, results, traces, modes, strict=True)
        },
        "world": asdict(inputs.world),
        "demonstrated_modes": dict(sorted(demonstrated.items())),
        "vocabulary": None if vocabulary is None else vocabulary.report(),
        "query_seconds": query,
        "commands": [asdict(command) for command in inputs.commands],
    }


# ------------------------------------------------------------------------------------------- HTML


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        number = ' class="number"'
        return "".join(
            f"<{tag}{number if column else ''}>{html.escape(cell)}</{tag}>"
            for column, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in rows)
    return f"<table><thead><tr>{line(heads, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"
