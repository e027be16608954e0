"""The options of settings, made from the Experiment dataclass, and where each value came from."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, get_origin

import click
from click.core import ParameterSource

from seqswe.errors import UsageError
from seqswe.experiment import Experiment, check_setting, choices, settings, types
from seqswe.manifests.convert import parse
from seqswe.manifests.read import read_toml
from seqswe.renamed import RENAMED, refuse

Command = Callable[..., Any]
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


def experiment_options(command: Command) -> Command:
    """Give a command every setting of an experiment as an option, and `--config`."""
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        callback=_read_file,
        is_eager=True,
        expose_value=False,
        help="experiment.toml with the same keys (flags and environment come first).",
    )(_old_options(setting_options(*settings())(command)))


def suite_option(command: Command) -> Command:
    """Give a command `--suite`, in place of the settings that choose tasks."""
    return click.option(
        "--suite",
        default="",
        metavar="NAME",
        help="In place of --codebase: a released suite, NAME@VERSION, or NAME for its newest; "
        "`seqswe list suites`.",
    )(command)


def setting_options(*names: str) -> Callable[[Command], Command]:
    """Give a command the options of some settings, the same as in every other command."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _option(name)(command)
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


def _option(name: str) -> Callable[[Command], Command]:
    spec, kind, allowed = settings()[name], types()[name], choices(name)
    multiple = get_origin(kind) is tuple
    plain = str if multiple or allowed else kind
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
    parse(Experiment, values, str(path))
    ctx.default_map = {**(ctx.default_map or {}), **values}
