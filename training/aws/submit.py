"""From chips to a job: what is asked for becomes a plan, and the plan a job on SageMaker."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samft_core.errors import InputError, ModelError
from samft_core.progress import Progress, silent
from samft_core.sam.known import REVISIONS, TINY
from training.aws.images import image_uri
from training.aws.instances import Instance, find_instance
from training.aws.job import JOB_NAME, TrainingJob
from training.aws.launch import Launcher, launch
from training.aws.layout import CHIPS, CHIPS_DIGEST, MODEL_NAME, PROCESSES, Prefixes
from training.aws.session import Clients
from training.aws.settings import JobSettings, local_folder
from training.aws.staging import Staged, plan_uploads, upload
from training.aws.volume import SIZES, SMALLEST_GB, size_of, volume_gb
from training.config import TrainConfig, as_dict, as_text

if TYPE_CHECKING:
    from training.chips import Chips

HUB_COMMIT = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{7,40}")
LONGEST = 200
"""More of a name that is wrong is not told."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A job, and what it finds on S3."""

    job: TrainingJob
    staged: Staged

    def as_json(self, *, price_per_hour: float | None) -> dict[str, Any]:
        """What `samft submit --dry-run` prints.

        Args:
            price_per_hour: Of one machine; None if it is not known.
        """
        return {
            "request": self.job.request(),
            "uploads": [
                {"what": each.what, "channel": each.channel, "uri": each.uri, "bytes": each.bytes}
                for each in self.staged.uploads
            ],
            "max_cost": None if price_per_hour is None else self.job.max_cost(price_per_hour),
        }


def describe(settings: JobSettings, config: TrainConfig, prefixes: Prefixes, *, region: str) -> TrainingJob:
    """A job as far as it is known before its chips are looked at: without channels, and with the smallest disk.

    Args:
        settings: Of the job.
        config: Of training.
        prefixes: Where things lie on S3, and the job's name.
        region: Where it runs.

    Raises:
        InputError: Something is not what AWS or samft takes.
    """
    instance = _instance(settings)
    check_model(settings.model)
    _check_processes(settings, instance)
    if prefixes.begun_by and not JOB_NAME.fullmatch(prefixes.begun_by):
        raise InputError(
            expected="--continue with the name of a training job", got=prefixes.begun_by, remedy="see samft jobs list"
        )
    return TrainingJob(
        name=prefixes.job,
        image=settings.image or image_uri(region, gpu=instance.gpus > 0),
        instance_type=settings.instance_type,
        instance_count=settings.instance_count,
        spot=settings.spot,
        max_runtime_s=settings.max_runtime_s,
        max_wait_s=(settings.max_wait_s or 2 * settings.max_runtime_s) if settings.spot else 0,
        volume_gb=settings.volume_gb or SMALLEST_GB,
        volume_kms_key_id="" if instance.storage_gb else settings.kms_key_id,
        role=settings.role,
        output=prefixes.output,
        checkpoints=prefixes.checkpoints,
        channels={},
        input_mode=settings.input_mode,
        hyperparameters=hyperparameters(settings, config),
        environment=settings.environment,
        tags=settings.tags,
        subnets=settings.subnets,
        security_group_ids=settings.security_group_ids,
        kms_key_id=settings.kms_key_id,
        network_isolation=settings.network_isolation,
        encrypt_traffic=settings.encrypt_traffic,
    )


def plan(
    job: TrainingJob,
    chips: Chips,
    prefixes: Prefixes,
    *,
    settings: JobSettings,
    config: TrainConfig,
    model: Path | None,
    progress: Progress = silent,
) -> Plan:
    """Look at the chips, and describe the job whole, on this machine alone.

    Args:
        job: See `describe`.
        chips: What is trained on.
        prefixes: Where things lie on S3.
        settings: Of the job.
        config: Of training.
        model: The folder of a base model that goes along, or None; see `model_to_stage`.
        progress: Told about the bytes that are read.

    Raises:
        InputError: Chips are missing, or the machines' disks are too small.
    """
    learn, check = len(chips.require("train")), len(chips.require("val"))
    staged = plan_uploads(chips, prefixes, model=model, progress=progress)
    disk_gb = settings.volume_gb or volume_gb(
        config,
        size_of(settings.model),
        chips_bytes=sum(each.bytes for each in staged.uploads if each.channel == CHIPS),
        learn=learn,
        check=check,
        copied=settings.input_mode == "File",
    )
    _check_disk(disk_gb, _instance(settings))
    whole = dataclasses.replace(
        job,
        volume_gb=disk_gb,
        channels=staged.channels,
        hyperparameters=hyperparameters(settings, config, chips_digest=staged.digests[CHIPS]),
    )
    return Plan(job=whole, staged=staged)


def hyperparameters(settings: JobSettings, config: TrainConfig, *, chips_digest: str = "") -> Mapping[str, str]:
    """What the container is told: every training setting, the model, the processes, and which chips."""
    folder = local_folder(settings.model)
    return {
        **{name: as_text(value) for name, value in as_dict(config).items()},
        MODEL_NAME: str(folder.resolve()) if folder else settings.model,
        PROCESSES: str(settings.processes_per_node or "auto"),
        CHIPS_DIGEST: chips_digest,
    }


def check_model(model: str) -> None:
    """Refuse what the machine could not load; `size_of` knows the models that have names.

    Raises:
        ModelError: It is no model that samft knows, no folder, and no id of the hub with a commit.
    """
    if not (local_folder(model) or model in SIZES or HUB_COMMIT.fullmatch(model)):
        raise ModelError(
            expected=f"a model among {', '.join(SIZES)}, a folder, or ID@COMMIT",
            got=model[:LONGEST],
            remedy="check the name, or give the folder that holds config.json and model.safetensors",
        )


def model_to_stage(settings: JobSettings, *, download: bool) -> Path | None:
    """The folder of a base model that the job cannot get by itself: a local one, or any where there is no network.

    Args:
        settings: Of the job.
        download: Whether a model of the hub may be downloaded first.

    Raises:
        ModelError: It is not at hand, and not to be downloaded.
    """
    if folder := local_folder(settings.model):
        return folder
    if settings.model == TINY or not settings.network_isolation:
        return None
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if download:
        from samft_core.sam.base import find_base

        return find_base(settings.model)[0]
    repo, _, commit = settings.model.partition("@")
    try:
        return Path(snapshot_download(repo, revision=commit or REVISIONS.get(repo), local_files_only=True))
    except (LocalEntryNotFoundError, ValueError) as error:
        raise ModelError(
            expected=f"{settings.model} on this machine, since a job without a network cannot get it",
            got="nothing in the cache of models",
            remedy="give its folder, or submit without --dry-run, which downloads it",
        ) from error


def submit(plan: Plan, launcher: Launcher, clients: Clients, *, progress: Progress = silent) -> str:
    """Bring to S3 what is not there yet, and start the job.

    Args:
        plan: The job and its uploads.
        launcher: Which SDK starts it.
        clients: Whose job.
        progress: Told about the bytes that are sent.

    Returns:
        The job's ARN.

    Raises:
        InputError: AWS refuses something that can be changed.
        SamftError: AWS cannot be reached, or failed.
    """
    upload(plan.staged, clients, kms_key=plan.job.kms_key_id or None, progress=progress)
    return launch(plan.job, launcher, clients)


def _instance(settings: JobSettings) -> Instance:
    """What is known about the machines; of a type of the user's own, what the user says."""
    if settings.image and settings.processes_per_node and settings.volume_gb:
        try:
            return find_instance(settings.instance_type)
        except InputError:
            return Instance(type=settings.instance_type, vcpus=settings.processes_per_node, memory_gb=0)
    return find_instance(settings.instance_type)


def _check_processes(settings: JobSettings, instance: Instance) -> None:
    """Refuse more processes than there is to compute on."""
    processes = settings.processes_per_node
    most = instance.gpus or instance.vcpus
    if processes > most:
        raise InputError(
            expected=f"at most {most} processes on each {instance}",
            got=str(processes),
            remedy="lower --processes-per-node, or take another --instance-type",
        )


def _check_disk(disk_gb: int, instance: Instance) -> None:
    if instance.storage_gb and disk_gb > instance.storage_gb:
        raise InputError(
            expected=f"a job that needs at most the {instance.storage_gb} GB of disks in {instance}",
            got=f"{disk_gb} GB",
            remedy="take a larger --instance-type of the family, fewer views, or --input-mode FastFile",
        )
