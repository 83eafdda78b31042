"""The images that jobs run in: AWS's Deep Learning Containers with PyTorch, for SageMaker training."""

from __future__ import annotations

import difflib

from samft_core.errors import InputError

PYTORCH = "2.13"
"""The release in the images; samft is tested with the same."""
TAGS = {False: f"{PYTORCH}-cpu-amzn2023-sagemaker", True: f"{PYTORCH}-cu133-amzn2023-sagemaker"}
"""By whether there are GPUs."""

_COMMON = "763104351884"
_COMMON_REGIONS = (
    "ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2 ca-central-1 eu-central-1 eu-north-1 "
    "eu-west-1 eu-west-2 eu-west-3 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2"
)
ACCOUNTS = {
    **dict.fromkeys(_COMMON_REGIONS.split(), _COMMON),
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "eusc-de-east-1": "204133271717",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
}
"""The account that holds the images, by region."""


def image_uri(region: str, *, gpu: bool) -> str:
    """The image for a region's machines.

    Args:
        region: Such as eu-central-1.
        gpu: Whether the machines have GPUs.

    Raises:
        InputError: There is none that samft knows.
    """
    if region not in ACCOUNTS:
        near = difflib.get_close_matches(region, ACCOUNTS, n=1)
        raise InputError(
            expected="a --region whose training image samft knows",
            got=region,
            remedy=f"{f'write {near[0]}, or ' if near else ''}give --image",
        )
    return f"{ACCOUNTS[region]}.dkr.ecr.{region}.{_domain(region)}/pytorch:{TAGS[gpu]}"


def _domain(region: str) -> str:
    return {"cn": "amazonaws.com.cn", "eusc": "amazonaws.eu"}.get(region.partition("-")[0], "amazonaws.com")
