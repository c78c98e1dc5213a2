"""The order in which an epoch visits the training examples."""

import os
from typing import Literal

import torch
from torch import Generator, Tensor

Shuffle = Literal["auto", "full", "blocks"]

# examples that lie side by side and are read together, and how many blocks are mixed
BLOCK, WINDOW = 512, 64


def shuffled(
    indices: Tensor, generator: Generator, block: int | None = None, window: int = WINDOW
) -> Tensor:
    """`indices` in a random order.

    Without blocks every order is equally likely. With them, blocks of neighbours come in a random
    order (a last one that is not full comes last), and the examples of `window` blocks at a time
    in a random order of their own: an epoch then reads a file larger than memory once, piece by
    piece, instead of a page or more for every example.

    Arguments:
        indices: The examples' numbers as they lie in their file, with shape (M,).
        generator: The source of the order.
        block: The number of examples in a block; None for none.
        window: The number of blocks that are mixed.

    References:
        FFCV: Accelerating Training by Removing Data Bottlenecks (Leclerc et al., 2023), section 3
        (quasi-random sampling)
    """
    if block is None:
        return indices[torch.randperm(len(indices), generator=generator)]
    full = indices[: len(indices) // block * block].view(-1, block)
    full = full[torch.randperm(len(full), generator=generator)].flatten()
    parts = torch.cat([full, indices[len(full) :]]).split(block * window)
    return torch.cat([p[torch.randperm(len(p), generator=generator)] for p in parts])


def with_some(
    order: Tensor, some: Tensor, batch_size: int, each: int, generator: Generator
) -> Tensor:
    """An order in which every batch ends with some of a few examples, in turn.

    Arguments:
        order: The other examples in their order, with shape (M,).
        some: The few examples.
        batch_size: The number of examples in a batch.
        each: How many of the few are in each batch; less than `batch_size`.
        generator: Of their own order, a new one each time they have all been met.

    Returns:
        With shape (M + each ceil(M / (batch_size - each)),).
    """
    pieces = order.split(batch_size - each)
    needed = each * len(pieces)
    rounds = [
        some[torch.randperm(len(some), generator=generator)] for _ in range(-(-needed // len(some)))
    ]
    turns = torch.cat(rounds)[:needed].split(each)
    return torch.cat([part for pair in zip(pieces, turns, strict=True) for part in pair])


def in_blocks(shuffle: Shuffle, num_bytes: int) -> bool:
    """Whether to shuffle blocks of neighbours rather than every example.

    Arguments:
        shuffle: "full", "blocks", or "auto": blocks for images of more than half the memory.
        num_bytes: The size of the images.
    """
    if shuffle == "auto":
        return num_bytes > physical_memory() / 2
    return shuffle == "blocks"


def physical_memory() -> float:
    """The machine's memory, in bytes; infinite where the system does not say."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return float("inf")
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
