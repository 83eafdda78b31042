"""samft submit."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from samft_core.cli.options import PATH, Limits
from training.aws.settings import presets

if TYPE_CHECKING:
    from samft_core.progress import Progress
    from training.aws.settings import JobSettings
    from training.config import TrainConfig

Command = TypeVar("Command", bound=Callable[..., Any])


def _table(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> dict[str, str]:
    """KEY=VALUE, several of them."""
    pairs = [word.partition("=") for word in words]
    for key, sign, _ in pairs:
        if not (key and sign):
            raise click.BadParameter("not KEY=VALUE.", ctx, param)
    return {key: value for key, _, value in pairs}


def job_options(command: Command) -> Command:
    """The flags that are fields of `JobSettings`; None or empty where not given."""
    table = {"multiple": True, "callback": _table, "metavar": "KEY=VALUE"}
    flags: list[tuple[tuple[str, ...], dict[str, Any]]] = [
        (
            ("--model",),
            {"metavar": "M", "help": "An id of the hub, a local folder, or samft-tiny [facebook/sam-vit-base]."},
        ),
        (("--role",), {"metavar": "ARN", "help": "The role that the job runs as."}),
        (("--instance-type",), {"metavar": "TYPE", "help": "The kind of machine [ml.g5.xlarge]."}),
        (("--instance-count",), {"type": int, "metavar": "N", "help": "How many train together [1]."}),
        (
            ("--processes-per-node",),
            {"type": int, "metavar": "N", "help": "Processes on each machine [one on each GPU, or one]."},
        ),
        (("--spot/--no-spot",), {"default": None, "help": "Managed Spot, the default, or machines on demand."}),
        (("--max-runtime-s",), {"type": int, "metavar": "S", "help": "The longest time that is paid for [86400]."}),
        (
            ("--max-wait-s",),
            {"type": int, "metavar": "S", "help": "With Spot, the longest time with waiting [twice the runtime]."},
        ),
        (("--volume-gb",), {"type": int, "metavar": "GB", "help": "The disk of each machine [worked out]."}),
        (("--image",), {"metavar": "URI", "help": "The container's image [AWS's, with PyTorch]."}),
        (("--input-mode",), {"type": click.Choice(["File", "FastFile"]), "help": "How chips get there [File]."}),
        (("--environment",), {**table, "help": "A variable for the job; may be repeated."}),
        (("--tags",), {**table, "help": "A tag of the job; may be repeated."}),
        (("--subnets",), {"multiple": True, "metavar": "ID", "help": "A subnet of the VPC; may be repeated."}),
        (("--security-group-ids",), {"multiple": True, "metavar": "ID", "help": "A group of it; may be repeated."}),
        (("--kms-key-id",), {"metavar": "KEY", "help": "Encrypts uploads, volumes and model."}),
        (("--network-isolation",), {"is_flag": True, "default": None, "help": "No network in the container."}),
        (("--encrypt-traffic",), {"is_flag": True, "default": None, "help": "Also between the machines."}),
    ]
    for names, described in reversed(flags):
        command = click.option(*names, **described)(command)
    return command


@click.command(short_help="Train on SageMaker, or try the job here.")
@click.argument("chips", type=PATH)
@click.option("--to", metavar="S3", help="s3://BUCKET/PREFIX, for chips, code, checkpoints and models.")
@click.option("--job-name", metavar="NAME", help="By default samft, the chips folder's name, and the time.")
@click.option(
    "--continue",
    "begun_by",
    metavar="NAME",
    help="Go on with the run of a job that was stopped or has failed, from its checkpoints.",
)
@click.option("--preset", type=click.Choice(presets()), help="Settings for a size of model; all others win over them.")
@click.option("--config", type=PATH, metavar="F.toml", help="Training settings, and the job's in a table [sagemaker].")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="A training setting, such as epochs=20; may be repeated and wins over --config.",
)
@job_options
@click.option("--region", metavar="REGION", help="By default AWS_REGION or the profile's.")
@click.option("--profile", metavar="NAME", help="A profile of the AWS configuration.")
@click.option(
    "--launcher",
    type=click.Choice(["auto", "boto3", "sagemaker"]),
    default="auto",
    show_default=True,
    help="What starts the job: auto takes the SageMaker SDK where it is installed.",
)
@click.option(
    "--dry-run", is_flag=True, help="Print the request, the uploads and the highest cost as JSON; send nothing."
)
@click.option("--price-per-hour", type=Limits(min=0), metavar="P", help="Of one machine; gives the highest cost.")
@click.option("--local", is_flag=True, help="Carry the same job out on this machine, without AWS.")
@click.option("--out", type=PATH, metavar="FOLDER", help="With --local: where the bundle goes.")
def submit(
    chips: Path,
    to: str | None,
    job_name: str | None,
    begun_by: str | None,
    preset: str | None,
    config: Path | None,
    assignments: tuple[str, ...],
    region: str | None,
    profile: str | None,
    launcher: str,
    dry_run: bool,
    price_per_hour: float | None,
    local: bool,
    out: Path | None,
    **flags: Any,
) -> None:
    """Train on SageMaker: CHIPS and samft itself go to S3, and a job starts.

    The result is a job whose name is printed; samft jobs follows it and brings its model back. It runs on Spot, takes
    snapshots to S3, and goes on from them when it was interrupted. Chips that are on S3 already are not sent again.

    Try it first: --dry-run shows what would be asked of AWS and what it can cost at most; --local carries the same job
    out here.
    """
    from samft_core.cli.progress import progress_bar
    from samft_core.errors import InputError
    from samft_core.sam.known import TINY
    from training.aws.settings import PRESETS, resolve_job
    from training.config import resolve

    if dry_run and local:
        raise InputError(expected="--dry-run or --local", got="both", remedy="give one of them")
    if out and not local:
        raise InputError(
            expected="--out with --local alone", got=f"--out {out}", remedy="leave it out; samft jobs fetch takes --out"
        )
    settings = resolve_job(
        preset=preset, file=config, flags={name: value for name, value in flags.items() if value not in (None, (), {})}
    )
    training = resolve(
        tiny=settings.model == TINY, preset=preset, file=config, assignments=assignments, presets_in=PRESETS
    )
    with progress_bar() as progress:
        if local:
            said = _try_here(chips, out, settings, training, progress)
        else:
            said = _submit(
                chips,
                _place(to),
                settings,
                training,
                progress,
                name=job_name,
                begun_by=begun_by,
                region=region,
                profile=profile,
                launcher=launcher,
                dry_run=dry_run,
                price_per_hour=price_per_hour,
            )
    click.echo(said)


def _submit(
    folder: Path,
    to: str,
    settings: JobSettings,
    config: TrainConfig,
    progress: Progress,
    *,
    name: str | None,
    begun_by: str | None,
    region: str | None,
    profile: str | None,
    launcher: str,
    dry_run: bool,
    price_per_hour: float | None,
) -> str:
    """Start the job, or only describe it; gives what there is to say."""
    from training.aws.job import default_name
    from training.aws.launch import find_launcher
    from training.aws.layout import Prefixes
    from training.aws.place import check_begun, check_place
    from training.aws.session import Clients, find_region
    from training.aws.submit import describe, model_to_stage, plan, submit
    from training.chips import open_chips

    start = None if dry_run else find_launcher(launcher)
    clients = None if dry_run else Clients(region=region, profile=profile)
    opened = open_chips(folder)
    name = name or default_name(folder.resolve().name, datetime.now(timezone.utc))
    prefixes = Prefixes(to=to, job=name, begun_by=begun_by or "")
    job = describe(settings, config, prefixes, region=clients.region if clients else find_region(region, profile))
    if clients:
        check_place(job, clients)
        if begun_by:
            check_begun(job, begun_by, clients)
    model = model_to_stage(settings, download=not dry_run)
    planned = plan(job, opened, prefixes, settings=settings, config=config, model=model, progress=progress)
    if start is None or clients is None:
        return json.dumps(planned.as_json(price_per_hour=price_per_hour), indent=2)
    if begun_by:  # again, now that the chips are known
        check_begun(planned.job, begun_by, clients)
    submit(planned, start, clients, progress=progress)
    most = f", at most {planned.job.max_cost(price_per_hour):.2f} in all" if price_per_hour is not None else ""
    place = f" --region {clients.region}" if region else ""
    place += f" --profile {profile}" if profile else ""
    return (
        f"job {name} is submitted: {settings.instance_count} x {settings.instance_type}, "
        f"{'Spot, ' if settings.spot else ''}at most {planned.job.hours:g} machine hours{most}; "
        f"next: samft jobs logs {name} --follow{place}, then samft jobs fetch {name}{place}"
    )


def _try_here(folder: Path, out: Path | None, settings: JobSettings, config: TrainConfig, progress: Progress) -> str:
    """Carry the job out on this machine; gives what there is to say."""
    from samft_core.errors import InputError
    from training.aws.layout import CHIPS, Prefixes
    from training.aws.local import run_locally
    from training.aws.staging import plan_uploads
    from training.aws.submit import check_model, hyperparameters, model_to_stage
    from training.chips import open_chips

    if out is None:
        raise InputError(expected="--out FOLDER with --local", got="none", remedy="say where the bundle goes")
    check_model(settings.model)
    chips = open_chips(folder)
    for split in ("train", "val"):
        chips.require(split)
    model = model_to_stage(settings, download=True)
    staged = plan_uploads(chips, Prefixes(to="s3://local", job="local"), model=model, progress=progress)
    bundle = run_locally(
        hyperparameters(settings, config, chips_digest=staged.digests[CHIPS]), staged, out, progress=progress
    )
    return f"bundle {bundle.card.hash} in {bundle.path}; next: the same without --local, and with --to and --role"


def _place(to: str | None) -> str:
    from samft_core.errors import InputError
    from training.aws.job import S3_URI

    if not S3_URI.fullmatch(to or ""):
        raise InputError(
            expected="--to s3://BUCKET/PREFIX, such as s3://my-bucket/towns",
            got=to or "none",
            remedy="say where chips, checkpoints and models go",
        )
    return str(to).rstrip("/")
