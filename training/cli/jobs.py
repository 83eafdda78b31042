"""samft jobs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from samft_core.cli.options import PATH, overwrite_option

if TYPE_CHECKING:
    from training.aws.jobs import Job

LONG = 400
"""More of a hyperparameter is not shown."""


def _account_options(command: Callable[..., Any]) -> Callable[..., Any]:
    profile = click.option("--profile", metavar="NAME", help="A profile of the AWS configuration.")
    region = click.option("--region", metavar="REGION", help="By default AWS_REGION or the profile's.")
    return region(profile(command))


@click.group(short_help="List, show, follow, stop and fetch training jobs on SageMaker.")
def jobs() -> None:
    """Look after training jobs on SageMaker, such as `samft submit` starts."""


@jobs.command("list", short_help="The latest jobs, newest first.")
@click.option("--all", "everything", is_flag=True, help="Also jobs whose names do not begin with samft-.")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most.")
@_account_options
def list_command(everything: bool, limit: int, region: str | None, profile: str | None) -> None:
    """List the latest jobs, newest first.

    The result is a line per job: name, status, instances, age, hours of one instance that are billed, and what Spot has
    saved.
    """
    from training.aws.jobs import list_jobs
    from training.aws.session import Clients
    from training.follow import duration

    found = list_jobs(Clients(region=region, profile=profile), everything=everything, limit=limit)
    now = datetime.now(timezone.utc)
    rows = [("job", "status", "instances", "age", "billed", "Spot saved")]
    rows += [
        (
            job.name,
            job.standing,
            f"{job.instances} x {job.instance_type}",
            duration((now - job.created).total_seconds()),
            "" if job.billed_h is None else f"{job.billed_h:.2f} h",
            "" if job.saved is None else f"{job.saved:.0%}",
        )
        for job in found
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


@jobs.command(short_help="All about one job.")
@click.argument("name")
@click.option(
    "--price-per-hour", type=click.FloatRange(min=0), metavar="P", help="Of one instance on demand; gives the cost."
)
@_account_options
def show(name: str, price_per_hour: float | None, region: str | None, profile: str | None) -> None:
    """Show a job: its status and how it came there, why it failed, its settings and what it costs."""
    from training.aws.jobs import find_job
    from training.aws.session import Clients

    job = find_job(Clients(region=region, profile=profile), name)
    click.echo(f"{job.name}: {job.standing}")
    if job.failure:
        click.echo(f"  failed: {job.failure}")
    click.echo(f"  instances: {job.instances} x {job.instance_type}{', Spot' if job.spot else ''}")
    click.echo(f"  cost: {_cost(job, price_per_hour)}")
    click.echo(f"  checkpoints: {job.checkpoints or 'none'}")
    if job.artifact:
        click.echo(f"  model: {job.artifact}")
    click.echo("  settings:")
    for key, value in sorted(job.described.get("HyperParameters", {}).items()):
        click.echo(f"    {key} = {value[:LONG]}")
    click.echo("  history:")
    for at, stage, said in job.history:
        click.echo(f"    {at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC  {stage}  {said}".rstrip())


@jobs.command(short_help="What a job's machines say.")
@click.argument("name")
@click.option("--follow", is_flag=True, help="Go on until the job ends.")
@_account_options
def logs(name: str, follow: bool, region: str | None, profile: str | None) -> None:
    """Print a job's log; of several machines, in the order of time, each line with the name of its machine.

    With --follow, the exit status is 1 if the job fails.
    """
    from samft_core.errors import SamftError
    from training.aws.jobs import find_job, read_log
    from training.aws.session import Clients

    session = Clients(region=region, profile=profile)
    several, lines = find_job(session, name).instances > 1, 0
    for line in read_log(session, name, follow=follow):
        click.echo(f"{line.host} | {line.text}" if several else line.text)
        lines += 1
    job = find_job(session, name)
    if follow and job.status == "Failed":
        raise SamftError(f"{name} failed: {job.failure}")
    if follow or not lines:
        click.echo(f"{name}: {job.standing}{'' if lines else ', no lines yet'}", err=True)


@jobs.command(short_help="End a job.")
@click.argument("name")
@_account_options
def stop(name: str, region: str | None, profile: str | None) -> None:
    """End a job. It saves where it is, and is not billed once it has stopped."""
    from training.aws.jobs import stop as stop_job
    from training.aws.session import Clients

    job = stop_job(Clients(region=region, profile=profile), name)
    if job.status != "InProgress":
        click.echo(f"{name} is {job.standing} already")
        return
    click.echo(
        f"{name} is asked to stop: it has two minutes to save where it is to {job.checkpoints or 'nowhere'}, and is "
        f"billed until it has stopped; samft jobs show {name} tells when; to go on with it, submit it again as before, "
        f"and with --continue {name}"
    )


@jobs.command(short_help="Bring a job's model here.")
@click.argument("name")
@click.option("--out", type=PATH, metavar="FOLDER", help="The folder to make; by default the job's name.")
@overwrite_option
@_account_options
def fetch(name: str, out: Path | None, overwrite: bool, region: str | None, profile: str | None) -> None:
    """Bring the model of a job that is done here.

    The result is FOLDER/bundle, which `samft segment` and QGIS take, FOLDER/report.html and FOLDER/metrics.jsonl. The
    archive is unpacked with suspicion and the bundle is checked. A download that was cut off is gone on with.
    """
    from samft_core.cli.progress import progress_bar
    from training.aws.fetch import fetch as fetch_model
    from training.aws.session import Clients

    out = Path(name) if out is None else out
    with progress_bar() as progress:
        bundle = fetch_model(Clients(region=region, profile=profile), name, out, overwrite=overwrite, progress=progress)
    where = out / "bundle"
    click.echo(f"bundle {bundle.card.hash} in {where}; next: samft segment {where} RASTER --out FOOTPRINTS.gpkg")


def _cost(job: Job, price_per_hour: float | None) -> str:
    """What a job costs, as far as SageMaker has told."""
    if job.billed_h is None:
        return "SageMaker tells of none" if job.ended else "known when it has ended"
    words = f"{job.billed_h:.2f} hours of one instance are billed"
    if job.saved is not None:
        words += f" (Spot has saved {job.saved:.0%})"
    return f"{words}: {job.billed_h * price_per_hour:.2f}" if price_per_hour is not None else words
