"""The states of a process's random generators, to keep in a checkpoint and to go on from."""

import random
from typing import Any

import numpy as np
import torch
import torch.distributed as dist


def state() -> dict[str, Any]:
    """The states of the generators of Python, NumPy and torch, as plain values and tensors."""
    name, keys, position, has_gauss, cached = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (name, [int(k) for k in keys], int(position), int(has_gauss), float(cached)),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore(state: dict[str, Any]) -> None:
    """Set the generators to what `state` gave; of GPUs, those that both machines have."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available():
        for device, value in enumerate(state["cuda"][: torch.cuda.device_count()]):
            torch.cuda.set_rng_state(value, device)


def gather(value: Any) -> list[Any]:
    """A value of every process, in the order of their ranks; all of them must call this."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values
