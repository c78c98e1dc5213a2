import os
import subprocess
import sys

import pytest
import torch

from vae.runs.process import keep_memory, prepare

pytestmark = pytest.mark.slow

CHURN = """
import resource, sys
import torch
from vae.runs.process import keep_memory

if sys.argv[1] == "keep":
    assert keep_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    # a step's worth of tensors, freed together
    blocks = [torch.empty(100_000).fill_(1) for _ in range(40)]
    del blocks
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    "CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", ()), reason="needs glibc"
)
def test_kept_memory_is_not_faulted_in_again():
    # glibc's own start values, which it would otherwise change as it goes
    fixed = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
    faults = {
        word: int(
            subprocess.run(
                [sys.executable, "-c", CHURN, word],
                check=True,
                capture_output=True,
                text=True,
                env={**os.environ, **fixed},
            ).stdout
        )
        for word in ("keep", "leave")
    }
    assert faults["keep"] < faults["leave"] / 5


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.delattr(os, "confstr_names", raising=False)
    assert keep_memory() is False


def test_denormals_are_flushed():
    try:
        prepare()
        assert torch.tensor([1e-40]).mul(1.0).item() == 0
    finally:
        torch.set_flush_denormal(False)
