"""A job's description: what it holds, what it refuses, and what it asks of SageMaker."""

import dataclasses
import gzip
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import moto
import pytest

from samft_core.errors import ConfigError, InputError
from tests.aws.api import complaints, shapes
from tests.conftest import assert_one_clear_line
from training.aws.images import ACCOUNTS, image_uri
from training.aws.instances import INSTANCES, find_instance
from training.aws.job import TrainingJob, default_name
from training.aws.layout import CHIPS, CODE, MODEL, Prefixes
from training.aws.session import find_region
from training.aws.settings import PRESETS, JobSettings, presets, resolve_job
from training.aws.submit import describe
from training.aws.volume import SIZES, cache_bytes, size_of, volume_gb
from training.config import TrainConfig, resolve

ROLE = "arn:aws:iam::123456789012:role/samft-training"
PLACES = Prefixes(to="s3://my-bucket/towns", job="samft-town-1")
GIB = 2**30


def a_job(**changes) -> TrainingJob:
    values = {
        "name": "samft-town-1",
        "image": image_uri("eu-central-1", gpu=True),
        "instance_type": "ml.g5.12xlarge",
        "instance_count": 2,
        "spot": True,
        "max_runtime_s": 7200,
        "max_wait_s": 10800,
        "volume_gb": 50,
        "volume_kms_key_id": "",
        "role": ROLE,
        "output": PLACES.output,
        "checkpoints": PLACES.checkpoints,
        "channels": {name: f"s3://my-bucket/towns/{name}/1/" for name in (CHIPS, CODE, MODEL)},
        "input_mode": "FastFile",
        "hyperparameters": {"epochs": "3", "model": "facebook/sam-vit-base"},
    }
    return TrainingJob(**{**values, **changes})


FULL = {
    "environment": {"HF_HOME": "/tmp/hf"},
    "tags": {"team": "maps + roofs"},
    "subnets": ("subnet-0123456789abcdef0",),
    "security_group_ids": ("sg-0123456789abcdef0",),
    "kms_key_id": "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    "volume_kms_key_id": "1234abcd-12ab-34cd-56ef-1234567890ab",
    "network_isolation": True,
    "encrypt_traffic": True,
}


@pytest.mark.parametrize(
    "job", [a_job(), a_job(**FULL), a_job(spot=False, max_wait_s=0)], ids=["spot", "full", "plain"]
)
def test_request_is_what_the_api_describes(job):
    assert complaints(job.request()) == []


def test_the_api_would_complain():
    request = a_job().request()
    request["ResourceConfig"] |= {"InstanceType": "ml.g5.13xlarge", "Size": 3}
    request["HyperParameters"]["x"] = "y" * 2501
    del request["RoleArn"]
    assert len(complaints(request)) == 4


OTHER = {
    "name": "other",
    "image": "other",
    "instance_type": "ml.g5.xlarge",
    "instance_count": 3,
    "spot": False,
    "max_runtime_s": 7201,
    "max_wait_s": 99999,
    "volume_gb": 51,
    "volume_kms_key_id": "other",
    "role": f"{ROLE}-other",
    "output": "s3://other",
    "checkpoints": "s3://other",
    "channels": {CHIPS: "s3://other"},
    "input_mode": "File",
    "hyperparameters": {"epochs": "4"},
    "environment": {"A": "b"},
    "tags": {"A": "b"},
    "subnets": ("other",),
    "security_group_ids": ("other",),
    "kms_key_id": "other",
    "network_isolation": False,
    "encrypt_traffic": False,
}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(TrainingJob)])
def test_every_field_reaches_the_request(field):
    job = a_job(**FULL)
    assert dataclasses.replace(job, **{field: OTHER[field]}).request() != job.request()


def test_spot_and_what_it_costs():
    job = a_job(instance_count=2, max_runtime_s=5400, max_wait_s=86400)
    assert job.request()["EnableManagedSpotTraining"]
    assert job.request()["StoppingCondition"] == {"MaxRuntimeInSeconds": 5400, "MaxWaitTimeInSeconds": 86400}
    assert job.max_cost(7.0) == 21.0  # two machines for an hour and a half; waiting is not billed
    plain = a_job(spot=False, max_wait_s=0)
    assert plain.request()["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200}


REFUSED = {
    "wait below runtime": ({"max_wait_s": 7199}, "--max-wait-s"),
    "runtime": ({"max_runtime_s": 28 * 86400 + 1, "max_wait_s": 29 * 86400}, "--max-runtime-s"),
    "underscore": ({"name": "samft_town"}, "--job-name"),
    "long name": ({"name": "a" * 64}, "--job-name"),
    "hyphen at the end": ({"name": "samft-"}, "--job-name"),
    "user": ({"role": "arn:aws:iam::123456789012:user/me"}, "--role"),
    "no role": ({"role": ""}, "give --role"),
    "no S3": ({"output": "https://my-bucket/towns"}, "--to"),
    "bucket's name": ({"checkpoints": "s3://My_Bucket/towns"}, "--to"),
    "long place": ({"channels": {CHIPS: f"s3://my-bucket/{'a' * 1024}"}}, "--to"),
    "key": ({"kms_key_id": "a key"}, "--kms-key-id"),
    "subnet alone": ({"subnets": ("subnet-1",)}, "--security-group-ids"),
    "group alone": ({"security_group_ids": ("sg-1",)}, "--subnets"),
    "101 hyperparameters": ({"hyperparameters": {str(n): "1" for n in range(101)}}, "at most 100"),
    "long value": ({"hyperparameters": {"model": "a" * 2501}}, "2501"),
    "apostrophe": ({"hyperparameters": {"model": "/data/anna's sam"}}, "shell"),
    "line break": ({"hyperparameters": {"model": "a\nb"}}, "line breaks"),
    "control character": ({"hyperparameters": {"model": "a\x1bb"}}, "control"),
    "apostrophe in a variable": ({"environment": {"A": "it's"}}, "shell"),
    "variable's name": ({"environment": {"1A": "b"}}, "--environment"),
    "apostrophe in a tag": ({"tags": {"a": "it's"}}, "--tags"),
    "line break in a tag": ({"tags": {"a": "b\nc"}}, "--tags"),
    "long tag": ({"tags": {"a": "b" * 257}}, "257"),
}


@pytest.mark.parametrize(("changes", "words"), REFUSED.values(), ids=REFUSED)
def test_refused(changes, words):
    with pytest.raises(InputError) as refused:
        a_job(**changes)
    assert_one_clear_line(refused.value)
    assert words in str(refused.value)


def test_at_the_limits():
    a_job(
        name="a" * 63,
        max_wait_s=7200,
        hyperparameters={str(n): "ä" * 2500 for n in range(100)},
        environment={"A": 'a "quoted" $word'},
        tags={"cost centre": "Zürich/7 @gis"},
    )


@pytest.mark.parametrize("chips", ["Vegas 0.3 m", "___", "ä" * 80, "x" * 80, "a--b", "chips"])
def test_default_names_are_names(chips):
    now = datetime(2026, 11, 24, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    name = default_name(chips, now)
    assert name.startswith("samft-")
    assert name.endswith("-20261123-230203")
    assert complaints(name, "TrainingJobName") == []


@pytest.mark.parametrize("instance", INSTANCES.values(), ids=INSTANCES)
def test_instances_are_what_ec2_says(instance, ec2):
    assert instance.type in shapes()["TrainingInstanceType"]["enum"]
    real = ec2[instance.type.removeprefix("ml.")]
    (gpu,) = real.get("GpuInfo", {}).get("Gpus") or [{"Count": 0, "Name": "", "MemoryInfo": {"SizeInMiB": 0}}]
    assert (instance.vcpus, instance.memory_gb) == (
        real["VCpuInfo"]["DefaultVCpus"],
        real["MemoryInfo"]["SizeInMiB"] // 1024,
    )
    assert (instance.gpus, instance.gpu) == (gpu["Count"], gpu["Name"])
    assert instance.gpu_gb == pytest.approx(gpu["MemoryInfo"]["SizeInMiB"] / 1024, rel=0.08)
    assert instance.storage_gb == real.get("InstanceStorageInfo", {}).get("TotalSizeInGB", 0)


@pytest.fixture(scope="module")
def ec2():
    path = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))


@pytest.mark.parametrize("name", ["ml.g5.12xlage", "g5.12xlarge"])
def test_unknown_instance_names_the_nearest(name):
    with pytest.raises(InputError, match=r"write ml\.g5\.12xlarge") as refused:
        find_instance(name)
    assert_one_clear_line(refused.value)


def test_instance_of_ones_own():
    given = {
        "instance_type": "ml.x9.large",
        "image": "my/image",
        "processes_per_node": 2,
        "volume_gb": 40,
        "role": ROLE,
    }
    job = describe(JobSettings(**given), TrainConfig(), PLACES, region="nowhere-1")
    assert (job.instance_type, job.image, job.volume_gb) == ("ml.x9.large", "my/image", 40)
    with pytest.raises(InputError, match="--processes-per-node"):
        describe(JobSettings(**{**given, "volume_gb": 0}), TrainConfig(), PLACES, region="eu-central-1")


def test_images():
    assert image_uri("eu-west-1", gpu=True).startswith("763104351884.dkr.ecr.eu-west-1.amazonaws.com/pytorch:2.13-cu")
    assert image_uri("cn-north-1", gpu=False).startswith(
        "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/pytorch:2.13-cpu"
    )
    assert all(complaints(image_uri(region, gpu=True), "AlgorithmImage") == [] for region in ACCOUNTS)
    with pytest.raises(InputError, match="write eu-west-1") as refused:
        image_uri("eu-wset-1", gpu=True)
    assert_one_clear_line(refused.value)


def test_local_disks_are_encrypted_by_the_machine():
    given = {"role": ROLE, "kms_key_id": "1234"}
    for kind, volume_key in (("ml.g5.xlarge", ""), ("ml.c5.xlarge", "1234")):
        job = describe(JobSettings(instance_type=kind, **given), TrainConfig(), PLACES, region="eu-central-1")
        assert (job.kms_key_id, job.volume_kms_key_id) == ("1234", volume_key)


def test_more_processes_than_gpus():
    with pytest.raises(InputError, match="at most 4 processes"):
        describe(
            JobSettings(role=ROLE, instance_type="ml.g5.12xlarge", processes_per_node=5),
            TrainConfig(),
            PLACES,
            region="eu-central-1",
        )


MIB = 2**20


@pytest.mark.parametrize(
    ("settings", "model", "expected"),
    [
        ({}, "base", (4 * 100 + 20) * 2 * MIB),
        ({"cache": "fp32"}, "base", (4 * 100 + 20) * 4 * MIB),
        ({"augment": "none"}, "huge", 120 * 2 * MIB),
        ({"train": "lora", "views": 1}, "base", 120 * 6 * MIB),
        ({"train": "lora", "views": 1}, "large", 120 * 8 * MIB),
        ({"train": "lora", "views": 1}, "huge", 120 * 10 * MIB),
        ({"train": "all"}, "base", 0),
        ({"cache": "off"}, "base", 0),
    ],
)
def test_cache_is_what_the_docs_say(settings, model, expected):
    size = SIZES[f"facebook/sam-vit-{model}"]
    assert cache_bytes(TrainConfig(**settings), size, learn=100, check=20) == expected


def test_volume_holds_it_all():
    size = SIZES["facebook/sam-vit-huge"]
    few = {"learn": 10, "check": 2, "copied": True}
    assert volume_gb(TrainConfig(augment="none"), SIZES["facebook/sam-vit-base"], chips_bytes=10**6, **few) == 30
    copied = volume_gb(TrainConfig(), size, chips_bytes=100 * GIB, **few)
    assert 220 < copied < 280
    streamed = volume_gb(TrainConfig(), size, chips_bytes=100 * GIB, **{**few, "copied": False})
    assert 100 < copied - streamed < 130
    cached = volume_gb(TrainConfig(), size, chips_bytes=0, learn=100_000, check=0, copied=True)
    assert cached > 100_000 * 4 * 2 * MIB / GIB
    whole = volume_gb(TrainConfig(train="all"), size, chips_bytes=0, **few)
    assert whole > 3 * 4 * size.weights_bytes / GIB


def test_size_of_a_folder(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"vision_config": {"hidden_size": 32}}))
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    assert (size_of(str(tmp_path)).hidden, size_of(str(tmp_path)).weights_bytes) == (32, 1000)


def test_known_models_are_those_of_training():
    from samft_core.sam.known import REVISIONS, TINY

    assert {*SIZES} == {*REVISIONS, TINY}


def test_seed_is_the_samples_recipe():
    job = resolve_job(preset="seed", file=None, flags={})
    config = resolve(tiny=False, preset="seed", presets_in=PRESETS)
    assert (job.model, job.instance_type, job.spot) == ("facebook/sam-vit-large", "ml.g5.12xlarge", True)
    assert (config.train, config.epochs, config.batch_size, config.accumulate) == ("mask_decoder", 35, 4, 8)
    assert (config.learning_rate, config.precision, config.threshold) == (1e-5, "fp16", 0.6)


@pytest.mark.parametrize("preset", presets())
def test_presets_are_jobs(preset):
    job = resolve_job(preset=preset, file=None, flags={"role": ROLE})
    config = resolve(tiny=False, preset=preset, presets_in=PRESETS)
    assert job.spot
    assert preset == "seed" or job.model.endswith(preset)
    described = describe(job, config, PLACES, region="us-east-1")
    assert complaints({**described.request(), "InputDataConfig": [a_job().request()["InputDataConfig"][0]]}) == []


def test_flags_win_over_files_over_presets(tmp_path):
    file = tmp_path / "job.toml"
    file.write_text('epochs = 7\n[sagemaker]\ninstance_count = 2\nmax_runtime_s = 60\ntags = { team = "maps" }\n')
    job = resolve_job(preset="large", file=file, flags={"max_runtime_s": 90, "max_wait_s": None})
    assert (job.model, job.instance_count, job.max_runtime_s) == ("facebook/sam-vit-large", 2, 90)
    assert job.tags == {"team": "maps"}
    config = resolve(tiny=False, preset="large", file=file, assignments=["views=2"], presets_in=PRESETS)
    assert (config.epochs, config.train, config.views) == (7, "lora", 2)
    assert resolve(tiny=False, file=file).epochs == 7  # as samft train --config reads it


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("instance_tpye = 'ml.g5.xlarge'", "write instance_type"),
        ("instance_count = '2'", "a whole number"),
        ("instance_count = true", "a whole number"),
        ("instance_count = 0", "--instance-count"),
        ("spot = 1", "true or false"),
        ("input_mode = 'Pipe'", "File or FastFile"),
        ("subnets = 'a'", "strings"),
        ("tags = { a = 1 }", "a table of strings"),
        ("spot = false\nmax_wait_s = 60", "Spot is off"),
    ],
)
def test_bad_tables(table, words, tmp_path):
    file = tmp_path / "job.toml"
    file.write_text(f"[sagemaker]\n{table}\n")
    with pytest.raises(ConfigError, match=words) as refused:
        resolve_job(preset=None, file=file, flags={})
    assert_one_clear_line(refused.value)


def test_region_is_found_without_aws(tmp_path, monkeypatch):
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    file = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    with pytest.raises(InputError, match="give --region"):
        find_region(None, None)
    file.write_text("[default]\nregion = eu-west-1\n[profile maps]\nregion = eu-west-2\n")
    assert (find_region(None, None), find_region(None, "maps")) == ("eu-west-1", "eu-west-2")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert (find_region(None, "maps"), find_region("us-east-2", None)) == ("eu-west-3", "us-east-2")
