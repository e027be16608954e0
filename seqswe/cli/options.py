"""The options of settings, made from the Experiment dataclass, and where each value came from."""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import isfinite
from pathlib import Path
from typing import Any, cast, get_origin

import click
from click.core import ParameterSource

from seqswe.cli.completion import COMPLETIONS
from seqswe.cli.echo import output
from seqswe.errors import UsageError
from seqswe.experiment import Experiment, affecting, check_setting, choices, settings, types
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_toml
from seqswe.renamed import RENAMED, refuse
from seqswe.runs.matrix import Matrix, read_matrix
from seqswe.seeds import Seeds, as_seeds

Command = Callable[..., Any]
OWN = "Options"
COMMON = {
    "quiet": ("-q", "Say nothing but the result and what is wrong."),
    "verbose": ("-v", "Say more of what is going on, such as every rollout."),
    "json": ("", "Print one JSON document in place of lines: data, lines, error, exit code."),
}
"""What every command has: name → short name, meaning."""
SERVING = ("view",)
"""Commands without an end, and so without a document at it."""
STUDIES = ("run", "plan")
"""Commands that take a matrix of settings."""
MATRIX = "seqswe.matrix"
DEFAULT = "default"
SOURCES = {
    ParameterSource.COMMANDLINE: "flag",
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
    ParameterSource.DEFAULT: DEFAULT,
}


class Number(click.FloatRange):
    """A number within bounds. Unlike click's own, "nan" is none."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number. Raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return number


class ExperimentCommand(click.Command):
    """A command with the settings of an experiment, whose help shows them under their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options first, then those of settings, then those of all."""
        sections: dict[str, list[tuple[str, str]]] = {OWN: []}
        headings = {**headings_of_settings(), **dict.fromkeys(COMMON, "Output and help")}
        asks_help = self.get_help_option(ctx)
        for parameter in self.get_params(ctx):
            if isinstance(parameter, click.Argument):
                continue  # its usage shows it
            record = parameter.get_help_record(ctx)
            heading = headings.get(str(parameter.name), OWN)
            if parameter is asks_help:
                heading = headings["quiet"]
            if record:
                sections.setdefault(heading, []).append(record)
        for heading, records in sections.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def headings_of_settings() -> dict[str, str]:
    """The heading of each setting: its own, or that of the one before it."""
    headings, heading = {}, OWN
    for name, spec in settings().items():
        heading = spec.metadata["heading"] or heading
        headings[name] = heading
    return headings


def common_options(command: click.Command) -> click.Command:
    """Give a command what every command has, unless it has an option of that name."""
    there = {parameter.name for parameter in command.params}
    flags = {flag for parameter in command.params for flag in parameter.opts}
    for name, (short, meaning) in COMMON.items():
        serves = command.name in SERVING and name == "json"
        if name not in there and f"--{name}" not in flags and not serves:
            declared = [f"--{name}", *([short] if short else [])]
            command.params.append(
                click.Option(
                    declared,
                    is_flag=True,
                    expose_value=False,
                    is_eager=True,
                    help=meaning,
                    callback=_speak,
                )
            )
    return command


def _speak(_: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        setattr(output(), str(parameter.name), True)


def resume_options(command: Command) -> Command:
    """The same, with those hidden that a run cannot change any more; given all the same, they
    must be as they were."""
    return experiment_options(command, hidden=affecting("outcome"))


class SeedsType(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.2 on
    """A number of seeds, or the text that says each arm's."""

    name = "number or arm=number,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Seeds:
        """The number, if it is one."""
        return value if isinstance(value, int) else as_seeds(str(value))


def experiment_options(command: Command, hidden: Collection[str] = ()) -> Command:
    """Give a command every setting of an experiment as an option, and `--config`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        callback=_read_file,
        is_eager=True,
        expose_value=False,
        help="experiment.toml with the same keys (flags and environment come first).",
    )(_old_options(setting_options(*settings(), hidden=hidden)(command)))


def matrix_of(ctx: click.Context) -> Matrix:
    """The matrix in the file of `--config`; empty without one."""
    return cast("Matrix", ctx.meta.get(MATRIX, {}))


def suite_option(command: Command) -> Command:
    """Give a command `--suite`, in place of the settings that choose tasks."""
    return click.option(
        "--suite",
        default="",
        metavar="NAME",
        help="In place of --codebase: a released suite, NAME@VERSION, or NAME for its newest; "
        "`seqswe list suites`.",
    )(command)


def setting_options(*names: str, hidden: Collection[str] = ()) -> Callable[[Command], Command]:
    """Give a command the options of some settings, the same as in every other command."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _option(name, hidden=name in hidden)(command)
        return command

    return decorate


def _old_options(command: Command) -> Command:
    """Refuse the old names of settings, as flags and in the environment."""
    for name in RENAMED:
        command = click.option(
            "--" + name.replace("_", "-"),
            name,
            hidden=True,
            expose_value=False,
            callback=_refused,
        )(command)
    return command


def _refused(_: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value is not None:
        refuse(str(parameter.name))


def _option(name: str, *, hidden: bool = False) -> Callable[[Command], Command]:
    spec, kind, allowed = settings()[name], types()[name], choices(name)
    multiple = get_origin(kind) is tuple
    plain = str if multiple or allowed else SeedsType() if kind == Seeds else kind
    return click.option(
        "--" + name.replace("_", "-"),
        name,
        type=click.Choice(allowed) if allowed else plain,
        multiple=multiple,
        default=spec.default,
        show_default=spec.default not in ("", ()),
        help=spec.metadata["help"],
        envvar=spec.metadata["envvar"] or None,
        callback=_checked,
        is_flag=kind is bool or None,
        hidden=hidden,
        shell_complete=COMPLETIONS.get(name),
    )


def _checked(_: click.Context, parameter: click.Parameter, value: Any) -> Any:
    check_setting(str(parameter.name), value)
    return value


def sources(ctx: click.Context) -> dict[str, str]:
    """Where each setting came from: flag, environment, file or default."""
    sources = {name: ctx.get_parameter_source(name) for name in settings()}
    return {
        name: SOURCES.get(source, DEFAULT) if source else DEFAULT
        for name, source in sources.items()
    }


def _read_file(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    data = read_toml(path, "an experiment.toml")
    values = {key.replace("-", "_"): value for key, value in data.items()}
    if len(values) < len(data):
        twice = next(key for key in data if key.replace("-", "_") in data.keys() - {key})
        raise UsageError(f"{path}: field {twice!r} is there with - and with _", "Leave one out.")
    for name in RENAMED.keys() & values.keys():
        refuse(name)
    if (matrix := values.pop("matrix", None)) is not None:
        if ctx.command.name not in STUDIES:
            raise UsageError(
                f"{path} has a matrix of settings, and {ctx.command.name} is of one run",
                f"It is for {' and '.join(STUDIES)}.",
            )
        ctx.meta[MATRIX] = read_matrix(matrix, str(path))
    parse(Experiment, values, str(path))
    ctx.default_map = {**(ctx.default_map or {}), **values}
