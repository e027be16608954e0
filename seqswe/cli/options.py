"""The options of `run` and `plan`, made from the Experiment dataclass, and where each came from."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_origin, get_type_hints

import click
from click.core import ParameterSource

from seqswe.arms import ARMS
from seqswe.errors import UsageError
from seqswe.experiment import DELIVERIES, FEEDBACKS, Experiment
from seqswe.manifests.parse import parse

ClickCommand = Callable[..., Any]
HELP = {
    "codebase": "Name of a manifest, or a folder with a manifest.toml.",
    "mirror": "Folder of bare clones, <owner>+<name>/repo or <owner>/<name>.git; "
    "without it the manifest's URL is cloned.",
    "agent": "Name of an agent, or module:attribute.",
    "agent_option": "key=value for the agent; may be repeated.",
    "memory": "Name of a memory, or module:attribute.",
    "memory_option": "key=value for the memory; may be repeated.",
    "model": "Model the memory may ask, as its endpoint names it; or litellm:NAME.",
    "model_url": "Base URL of an OpenAI-compatible API, such as http://localhost:8000/v1.",
    "model_key": "Environment variable that holds the API key, such as OPENAI_API_KEY; "
    "by default no key is sent.",
    "model_tokens": "Tokens the memory may use for one task; 0 for no end.",
    "model_seconds": "Seconds without a sign of life that end a request to the model.",
    "model_price_in": "USD per million prompt tokens.",
    "model_price_out": "USD per million completion tokens.",
    "embedding": "Embedding model the memory may ask, as its endpoint names it.",
    "embedding_url": "Its base URL, where that is not --model-url; it is sent the same key.",
    "arm": f"{', '.join(ARMS)}; may be repeated. `seqswe list arms` explains them.",
    "seeds": "Repetitions of every arm.",
    "limit": "Only the first so many tasks; 0 for all.",
    "feedback": "What a memory is told after a task.",
    "delivery": "How a memory reaches the agent; see docs/memories.md.",
    "code": "Code policy: gold starts each task at its true base commit.",
    "sandbox": "Name of a sandbox, or module:attribute.",
    "base_image": "Image that environments are built on.",
    "issues": "Issue texts that the instances were mined with.",
    "jobs": "Rollouts at a time.",
    "retries": "Further tries of a rollout that failed for a passing reason.",
    "cpus": "Processors of one sandbox.",
    "memory_mb": "Main memory of one sandbox.",
    "pids": "Processes of one sandbox.",
    "disk_mb": "Each writable file system of one sandbox.",
    "output_bytes": "Output kept of one command.",
    "command_seconds": "Deadline of one command.",
    "task_seconds": "Deadline of all commands of one rollout.",
}
CHOICES: Mapping[str, Sequence[str]] = {"feedback": FEEDBACKS, "delivery": DELIVERIES}
SOURCES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
    ParameterSource.DEFAULT: "default",
}


def experiment_options(command: ClickCommand) -> ClickCommand:
    """Give a command every setting of an experiment as an option, and `--config`."""
    hints = get_type_hints(Experiment)
    for spec in reversed(fields(Experiment)):
        command = _option(spec.name, hints[spec.name], spec.default)(command)
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        callback=_read_file,
        is_eager=True,
        expose_value=False,
        help="experiment.toml with the same keys (flags and environment come first).",
    )(command)


def resolved(ctx: click.Context, values: Mapping[str, Any]) -> Experiment:
    """The experiment that the options describe. Raises UsageError."""
    del ctx
    return Experiment(**values)


def sources(ctx: click.Context) -> dict[str, str]:
    """Where each setting came from: flag, environment, file or default."""
    found = {}
    for spec in fields(Experiment):
        source = ctx.get_parameter_source(spec.name)
        found[spec.name] = SOURCES.get(source, "default") if source else "default"
    return found


def _option(name: str, kind: Any, default: Any) -> Callable[[ClickCommand], ClickCommand]:
    multiple = get_origin(kind) is tuple
    choices = CHOICES.get(name)
    plain = str if multiple or choices else kind
    extra = {"envvar": ["SEQSWE_MIRROR", "SEQSWE_MIRRORS"]} if name == "mirror" else {}
    return click.option(
        "--" + name.replace("_", "-"),
        name,
        type=click.Choice(choices) if choices else plain,
        multiple=multiple,
        default=None if default is MISSING else default,
        show_default=default not in ("", ()),
        help=HELP[name],
        **extra,  # type: ignore[arg-type]
    )


def _read_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read {path}: {error.strerror}", "Give an experiment.toml."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}", "Correct the line named.") from None
    settings = {key.replace("-", "_"): value for key, value in data.items()}
    parse(Experiment, settings, str(path))
    ctx.default_map = {**(ctx.default_map or {}), **settings}
