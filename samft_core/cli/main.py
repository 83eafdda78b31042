"""The command itself: finds its verbs, runs one, and turns errors into one line."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

import click
from tqdm import tqdm

from samft_core.errors import SamftError
from samft_core.version import VERSION

VERBS = "samft.verbs"
"""The entry point group that verbs are found in, samft's own and anybody's."""


class Verbs(click.Group):
    """A group whose commands are entry points; naming one imports it alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The verbs in the order of their names."""
        return sorted(_verbs())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The verb of a name, or None."""
        entry = _verbs().get(cmd_name)
        return entry.load() if entry else None


def _verbs() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=VERBS)}


@click.group(
    cls=Verbs,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(VERSION, prog_name="samft")
@click.pass_context
def samft(ctx: click.Context) -> None:
    """Fine-tune the Segment Anything Model on your own imagery and get building footprints.

    The short way: samft demo --out demo. The long one: prepare, train, evaluate, segment.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit: 0 if all went well, 2 for a user's mistake, 1 for a failure, 130 for Ctrl-C."""
    # torch's threads wait for each other by spinning. With another load on the machine that made training up to six
    # times slower; spinning for shorter costs 5 % on an idle one (measured on 2 cores).
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status; a mistake is told in one line on stderr."""
    try:
        return run_verb(arguments)
    except (click.ClickException, SamftError) as error:
        message, status = describe_failure(error)
    except (click.Abort, KeyboardInterrupt):
        message, status = "interrupted; nothing half-written was left, run the same command again", 130
    click.echo(f"error: {message}", err=True)
    return status


def run_verb(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit status.

    Raises:
        ClickException: The arguments are not what the verb takes.
        SamftError: It failed, by the user's mistake or otherwise.
        Abort, KeyboardInterrupt: It was interrupted.
    """
    _tell_notes()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Dataset has no geotransform")  # samft's own error says it
        try:
            samft.main(args=arguments, prog_name="samft", standalone_mode=False)
        except click.exceptions.Exit as error:
            return error.exit_code
    return 0


def describe_failure(error: click.ClickException | SamftError) -> tuple[str, int]:
    """What to tell about a failed verb, in one line, and its exit status: 2 for a user's mistake, 1 for a failure."""
    if isinstance(error, SamftError):
        return " ".join(str(error).split()), error.exit_code
    message = error.format_message().replace("\n", " ")
    if isinstance(error, click.UsageError):
        where = error.ctx.command_path if error.ctx else "samft"
        return f"expected arguments that {where} takes, got a mistake: {message.rstrip('.')}; see {where} --help", 2
    return message, error.exit_code


class _Notes(logging.Handler):
    """Lines on stderr for what is worth knowing and no error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        tqdm.write(f"note: {record.getMessage()}", file=sys.stderr)


def _tell_notes() -> None:
    log = logging.getLogger("samft")
    log.setLevel(logging.INFO)
    if not any(isinstance(handler, _Notes) for handler in log.handlers):
        log.addHandler(_Notes())


if __name__ == "__main__":
    main()
