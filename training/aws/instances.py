"""The machines that SageMaker trains on, as far as a job depends on them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from samft_core.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Instance:
    """One type of machine."""

    type: str
    """As the API names it, such as ml.g5.12xlarge."""
    vcpus: int
    memory_gb: int
    gpus: int = 0
    gpu: str = ""
    """The name of its GPUs."""
    gpu_gb: int = 0
    """The memory of each."""
    storage_gb: int = 0
    """Its own disks, which take the place of a volume; 0 where there is a volume of any size."""

    @property
    def processes(self) -> int:
        """How many train on it: one on each GPU, or one."""
        return self.gpus or 1

    def __str__(self) -> str:
        gpus = f"{self.gpus} x {self.gpu} of {self.gpu_gb} GB, " if self.gpus else ""
        return f"{self.type} ({gpus}{self.vcpus} vCPUs, {self.memory_gb} GB)"


_CPU = {
    ("m5", 4): "large xlarge 2xlarge 4xlarge 12xlarge 24xlarge",
    ("c5", 2): "xlarge 2xlarge 4xlarge 9xlarge 18xlarge",
    ("m6i", 4): "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge",
    ("c6i", 2): "xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 32xlarge",
    ("m7i", 4): "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
    ("c7i", 2): "large xlarge 2xlarge 4xlarge 8xlarge 12xlarge 16xlarge 24xlarge 48xlarge",
}
"""Sizes by family and GB of memory for each vCPU; none has disks of its own."""

_GPU = {
    ("g4dn", "T4", 16): {
        "xlarge": (1, 4, 16, 125),
        "2xlarge": (1, 8, 32, 225),
        "4xlarge": (1, 16, 64, 225),
        "8xlarge": (1, 32, 128, 900),
        "12xlarge": (4, 48, 192, 900),
        "16xlarge": (1, 64, 256, 900),
    },
    ("g5", "A10G", 24): {
        "xlarge": (1, 4, 16, 250),
        "2xlarge": (1, 8, 32, 450),
        "4xlarge": (1, 16, 64, 600),
        "8xlarge": (1, 32, 128, 900),
        "12xlarge": (4, 48, 192, 3800),
        "16xlarge": (1, 64, 256, 1900),
        "24xlarge": (4, 96, 384, 3800),
        "48xlarge": (8, 192, 768, 7600),
    },
    ("g6", "L4", 24): {
        "xlarge": (1, 4, 16, 250),
        "2xlarge": (1, 8, 32, 450),
        "4xlarge": (1, 16, 64, 600),
        "8xlarge": (1, 32, 128, 900),
        "12xlarge": (4, 48, 192, 3760),
        "16xlarge": (1, 64, 256, 1880),
        "24xlarge": (4, 96, 384, 3760),
        "48xlarge": (8, 192, 768, 7520),
    },
    ("g6e", "L40S", 48): {
        "xlarge": (1, 4, 32, 250),
        "2xlarge": (1, 8, 64, 450),
        "4xlarge": (1, 16, 128, 600),
        "8xlarge": (1, 32, 256, 900),
        "12xlarge": (4, 48, 384, 3800),
        "16xlarge": (1, 64, 512, 1900),
        "24xlarge": (4, 96, 768, 3800),
        "48xlarge": (8, 192, 1536, 7600),
    },
    ("p4d", "A100", 40): {"24xlarge": (8, 96, 1152, 8000)},
    ("p4de", "A100", 80): {"24xlarge": (8, 96, 1152, 8000)},
    ("p5", "H100", 80): {"4xlarge": (1, 16, 256, 3800), "48xlarge": (8, 192, 2048, 30400)},
    ("p5en", "H200", 141): {"48xlarge": (8, 192, 2048, 30400)},
}
"""GPUs, vCPUs, GB of memory and GB of disks, by family, GPU and its GB. CUDA 13 of the images leaves out older ones."""


def _vcpus(size: str) -> int:
    times = size.removesuffix("xlarge")
    return 2 if size == "large" else 4 * int(times or 1)


INSTANCES = {
    instance.type: instance
    for instance in (
        *(
            Instance(type=f"ml.{family}.{size}", vcpus=_vcpus(size), memory_gb=_vcpus(size) * each_gb)
            for (family, each_gb), sizes in _CPU.items()
            for size in sizes.split()
        ),
        *(
            Instance(
                type=f"ml.{family}.{size}",
                vcpus=vcpus,
                memory_gb=memory_gb,
                gpus=gpus,
                gpu=gpu,
                gpu_gb=gpu_gb,
                storage_gb=storage_gb,
            )
            for (family, gpu, gpu_gb), sizes in _GPU.items()
            for size, (gpus, vcpus, memory_gb, storage_gb) in sizes.items()
        ),
    )
}
"""All that samft knows, by type."""


def find_instance(name: str) -> Instance:
    """A machine by its type.

    Raises:
        InputError: samft does not know it.
    """
    if name in INSTANCES:
        return INSTANCES[name]
    near = difflib.get_close_matches(name if name.startswith("ml.") else f"ml.{name}", INSTANCES, n=1, cutoff=0.5)
    raise InputError(
        expected="an --instance-type that samft knows",
        got=name or "none",
        remedy=f"{f'write {near[0]}' if near else 'write, for example, ml.g5.xlarge'}, or give --image, "
        "--processes-per-node and --volume-gb for a type of your own",
    )
