"""Whole batches by one gather."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from vae.data.order import BLOCK, WINDOW, shuffled, with_some
from vae.data.source import Array
from vae.data.window import Window


class Batch(NamedTuple):
    r"""Some examples.

    Arguments:
        x: Bytes before the transfer to the device, values after it, with shape (B, \*event_shape).
        label: The classes, with shape (B,).
        example: The examples' numbers, with shape (B,), where their noise is fixed; None if fresh.
        context: What a conditional model is given of each: classes, with shape (B,), or
            attributes, with shape (B, A); None of an unconditional model.
    """

    x: Tensor
    label: Tensor
    example: Tensor | None
    context: Tensor | None = None


class Batches:
    """An iterable over the batches of a split; with several ranks, over this rank's share.

    `batch_size` is that of all ranks together. When training, every rank takes an equal part of
    every batch, and the last batch loses the few examples that do not divide, so that the mean
    of the ranks' gradients is the gradient of the whole batch.

    Arguments:
        images: Bytes, with shape (N, C, H, W).
        labels: Classes, with shape (N,).
        indices: The examples' numbers that belong to the split, with shape (M,).
        batch_size: The number of examples in a batch, over all ranks.
        epoch: Tells the number of the epoch that starts; None evaluates in order instead.
        seed: The seed of the order; epoch e has an order of its own.
        rank: This process's number.
        world_size: The number of processes.
        mapped: The images as a mapped array, to read them in shuffled blocks of neighbours; None
            to shuffle fully and to read `images`.
        context: The classes, with shape (N,), or attributes, with shape (N, A), that batches
            carry for a conditional model.
        labelled: Of the examples, the few whose class is known, of which a training batch ends
            with a quarter, or with all there are; None to take every example once.
        numbered: Whether training batches carry their examples' numbers; those of an evaluation do.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        indices: Tensor,
        batch_size: int,
        epoch: Callable[[], int] | None = None,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        mapped: Array | None = None,
        context: Tensor | None = None,
        labelled: Tensor | None = None,
        numbered: bool = False,
    ):
        self.images = images
        self.labels = labels
        self.indices = indices
        self.batch_size = batch_size
        self.epoch = epoch
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.mapped = mapped
        self.context = context
        self.labelled = labelled
        self.numbered = numbered or epoch is None
        # how many of a batch are labelled, in turn
        self.each = 0 if labelled is None else min(len(labelled), max(1, batch_size // 4))
        total = len(indices)
        if labelled is not None:
            self.others = indices[torch.isin(indices, labelled, invert=True)]
            total = len(self.others) + self.each * -(-len(self.others) // (batch_size - self.each))
        drop = total % world_size if epoch else 0
        self.num_examples = total - drop
        # batches given so far, and in which epoch a resumed run had given how many
        self.given = 0
        self.resumed: tuple[int, int] | None = None

    def __len__(self) -> int:
        return -(-self.num_examples // self.batch_size)

    def state_dict(self) -> dict[str, int]:
        """How far the epoch has come; with it Lightning resumes within an epoch."""
        return {"epoch": self.epoch() if self.epoch else 0, "given": self.given}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Let the epoch of that state go on where it was."""
        self.resumed = (state["epoch"], state["given"])

    def __iter__(self) -> Iterator[Batch]:
        order = self.indices
        window: Window | None = None
        if self.epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch())
            if self.labelled is None:
                order = shuffled(order, generator, None if self.mapped is None else BLOCK)
            else:
                others = shuffled(self.others, generator)
                order = with_some(others, self.labelled, self.batch_size, self.each, generator)
            if self.mapped is not None:
                window = Window(self.mapped, order, BLOCK * WINDOW)
        epoch, first = self.resumed or (0, 0)
        self.resumed = None
        if first == len(self) or (self.epoch and epoch != self.epoch()):
            first = 0
        for number in range(first, len(self)):
            start = number * self.batch_size
            stop = min(start + self.batch_size, self.num_examples)
            places = torch.arange(start, stop)[self.rank :: self.world_size]
            mine = order[places]
            self.given = number + 1
            yield Batch(
                x=self.images.index_select(0, mine) if window is None else window.take(places),
                label=self.labels.index_select(0, mine),
                example=mine if self.numbered else None,
                context=None if self.context is None else self.context.index_select(0, mine),
            )
