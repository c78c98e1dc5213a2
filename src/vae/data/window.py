"""Examples of a file larger than memory, read a window at a time."""

import math

import numpy as np
import torch
from torch import Tensor

from vae.data.source import Array


class Window:
    """The examples at some consecutive places of an epoch's order, in memory.

    A mapped file is read by page faults, and each of them reads as much around it as the system's
    read-ahead says, megabytes on some machines. Here the blocks of a window are read whole, as
    files are.

    Arguments:
        array: The mapped array, with shape (N, ...).
        order: The examples' numbers in the order of an epoch, with shape (M,).
        size: The number of places in a window; within each, `order` has few runs of neighbours.
    """

    def __init__(self, array: Array, order: Tensor, size: int):
        self.array = array
        self.order = order
        self.size = size
        self.number = -1
        self.rows = torch.empty(0)
        self.places = torch.empty(0, dtype=torch.int64)

    def take(self, places: Tensor) -> Tensor:
        """The examples at `places`, which rise from call to call, with shape (B, ...)."""
        parts = []
        for number in range(int(places[0]) // self.size, int(places[-1]) // self.size + 1):
            start = number * self.size
            some = places[(places >= start) & (places < start + self.size)]
            if number != self.number:
                self._load(number)
            parts.append(self.rows.index_select(0, self.places[some - start]))
        return torch.cat(parts)

    def _load(self, number: int) -> None:
        examples = self.order[number * self.size : (number + 1) * self.size]
        ordered, where = examples.sort()
        # a validation example or two between neighbours do not part them
        gaps = (ordered.diff() > 8).nonzero().flatten().add(1).tolist()
        runs = ordered.tensor_split(gaps)
        self.rows = torch.cat([self._read(int(r[0]), int(r[-1]) + 1)[r - r[0]] for r in runs])
        self.places = torch.empty_like(where)
        self.places[where] = torch.arange(len(where))
        self.number = number

    def _read(self, first: int, last: int) -> Tensor:
        array = self.array
        if not isinstance(array, np.memmap):
            return torch.from_numpy(array[first:last])
        row = math.prod(array.shape[1:])
        values = np.fromfile(
            str(array.filename),
            array.dtype,
            count=(last - first) * row,
            offset=array.offset + first * row * array.dtype.itemsize,
        )
        return torch.from_numpy(values.reshape(-1, *array.shape[1:]))
