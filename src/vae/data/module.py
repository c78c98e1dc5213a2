"""The LightningDataModule."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.distributions import constraints

from vae.data.augmentation import Augmentation
from vae.data.batches import Batch, Batches
from vae.data.cache import as_tensors, cached
from vae.data.context import CONTEXT, Kind, check_context, some_labels
from vae.data.order import Shuffle, in_blocks
from vae.data.pixels import Binarize, pixels_for
from vae.data.source import Source, Split
from vae.data.splits import check_images, held_out
from vae.errors import ConfigError


class DataModule(LightningDataModule):
    """Training, validation and test batches of a source, as a likelihood wants them.

    The validation set is drawn from the training set by `split_seed`; the official test set is
    never touched before testing.

    Arguments:
        source: Where the images come from.
        support: The support of the likelihood, which "auto" follows.
        batch_size: The number of examples in a training batch, over all devices together.
        eval_batch_size: The same for validation and test.
        val_size: Training examples held out; "auto" is a tenth of them, and at most 5000.
        binarize: "none", "dynamic", "static", "threshold", or "auto": dynamic for binary pixels.
        dequantize: Whether to dequantise, or "auto": for likelihoods with a density.
        split_seed: The seed of the split.
        evaluation_seed: The seed of the fixed draw that validation and test examples get.
        flip: Whether images that are trained on are mirrored half the times.
        crop: By how many pixels they are moved at most.
        seed: The seed of the order of training examples.
        shuffle: "full", "blocks" (of neighbours, for files larger than memory), or "auto": blocks
            for images of more than half the machine's memory.
        condition: What batches carry for a conditional or a semi-supervised model.
        labels: Training labels that a semi-supervised model sees, of each class alike; None: all.

    Raises:
        ConfigError: If a size does not fit the source.
        DataError: If the source cannot be read.
    """

    def __init__(
        self,
        source: Source,
        support: constraints.Constraint,
        batch_size: int = 128,
        eval_batch_size: int = 500,
        val_size: int | Literal["auto"] = 5000,
        binarize: Binarize | Literal["auto"] = "auto",
        dequantize: bool | Literal["auto"] = "auto",
        split_seed: int = 0,
        evaluation_seed: int = 0,
        flip: bool = False,
        crop: int = 0,
        seed: int = 0,
        shuffle: Shuffle = "auto",
        condition: Kind | None = None,
        labels: int | None = None,
    ):
        super().__init__()
        self.source = source
        self.batch_size = batch_size
        self.eval_batch_size = eval_batch_size
        self.seed = seed
        self.split_seed = split_seed
        change = Augmentation(flip, crop)
        self.pixels = pixels_for(support, binarize, dequantize, evaluation_seed, change)
        arrays = cached(source)
        self.arrays = as_tensors(arrays)
        images = arrays["train_images"]
        self.mapped = images if in_blocks(shuffle, images.nbytes) else None
        check_images(self.arrays, source.name)
        change.check(*images.shape[2:])
        if min(batch_size, eval_batch_size) < 1:
            raise ConfigError(
                f"batches hold at least 1 example, got data.batch_size={batch_size} and "
                f"data.eval_batch_size={eval_batch_size}; set both to 1 or more."
            )
        own = self.arrays.get("val_images")
        train, val = held_out(
            len(images), None if own is None else len(own), val_size, split_seed, source.name
        )
        test = torch.arange(len(self.arrays["test_images"]))
        self.indices: dict[Split, Tensor] = {"train": train, "val": val, "test": test}
        self.condition = condition
        if condition is not None:
            check_context(self.arrays, condition, source.name)
        self.labelled: Tensor | None = None
        if condition == "some_labels":
            train = self.arrays["train_labels"]
            self.labelled = some_labels(train, self.indices["train"], labels, split_seed)
            self.seen = torch.full_like(train, -1, dtype=torch.int64)
            self.seen[self.labelled] = train[self.labelled].long()
        elif labels is not None:
            raise ConfigError(
                f"data.labels says how many labels a semi-supervised model sees, got {labels} for "
                "another; set model=m2 objective=m2, or data.labels=null."
            )

    @property
    def labelled_share(self) -> float:
        """The share of training examples whose class a semi-supervised model sees."""
        count = len(self.indices["train"])
        return 1.0 if self.labelled is None else len(self.labelled) / count

    def context_size(self) -> int:
        """The number of classes or of attributes that a conditional model is given."""
        found = self.arrays[f"train_{CONTEXT[self.condition or 'label']}"]
        return int(found.max()) + 1 if found.ndim == 1 else found.shape[1]

    def card(self) -> dict[str, Any]:
        """What a checkpoint keeps of the data, to know it again, as plain values."""
        known: dict[str, Any] = {
            "name": self.source.name,
            "fingerprint": self.source.fingerprint,
            "sizes": {split: len(indices) for split, indices in self.indices.items()},
        }
        if self.condition in ("label", "some_labels") and self.source.classes:
            known["classes"] = list(self.source.classes)
        if levels := getattr(self.source, "levels", None):
            known["levels"] = {kind: list(ends) for kind, ends in levels.items()}
        return known

    @property
    def event_shape(self) -> tuple[int, ...]:
        """The shape (C, H, W) of an image."""
        return tuple(self.arrays["train_images"].shape[1:])

    def mean(self) -> Tensor:
        """The mean of the training split's values, with shape event_shape."""
        return self.pixels.mean(self.arrays["train_images"], self.indices["train"])

    def examples(self, count: int, split: Split = "train", seed: int = 0) -> Tensor:
        r"""Some examples in a random order, with shape (count, \*event_shape).

        Arguments:
            count: How many; more than there are repeats them.
            split: Of which split.
            seed: The seed of the order.
        """
        return self.some(count, split, seed).x

    def some(self, count: int, split: Split = "train", seed: int = 0) -> Batch:
        """Some examples with their classes and context; as `examples`."""
        images, labels, indices = self._arrays(split)
        if not len(indices):
            raise ConfigError(
                f"the {split} split holds no images; choose another, or set its size."
            )
        order = torch.randperm(len(indices), generator=torch.Generator().manual_seed(seed))
        chosen = indices[order.repeat(-(-count // len(indices)))[:count]]
        x, context = self.pixels(images.index_select(0, chosen), chosen), self._context(split)
        given = None if context is None else context.index_select(0, chosen)
        return Batch(x, labels.index_select(0, chosen), chosen, given)

    def batches(self, split: Split, batch_size: int | None = None) -> Iterator[Batch]:
        """All of a split's examples in order, as an evaluation sees them, on any rank."""
        size = self.eval_batch_size if batch_size is None else batch_size
        for batch in Batches(*self._arrays(split), size, context=self._context(split)):
            yield batch._replace(x=self.pixels(batch.x, batch.example))

    def train_dataloader(self) -> Batches:
        """The training batches, in a new order every epoch."""
        shuffle = self.trainer is None or not self.trainer.overfit_batches  # type: ignore[attr-defined]
        return self._batches("train", self.batch_size, train=True, shuffle=shuffle)

    def val_dataloader(self) -> Batches:
        """The validation batches."""
        return self._batches("val", self.eval_batch_size, train=False)

    def test_dataloader(self) -> Batches:
        """The test batches."""
        return self._batches("test", self.eval_batch_size, train=False)

    def transfer_batch_to_device(
        self, batch: Batch, device: torch.device, dataloader_idx: int
    ) -> Batch:
        """Move a batch; Lightning's own way walks through it as through any nest of containers."""
        moved = [None if t is None else t.to(device, non_blocking=True) for t in batch]
        return Batch(*moved)  # type: ignore[arg-type]

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Turn bytes into values on the device."""
        return batch._replace(x=self.pixels(batch.x, batch.example))

    def _batches(self, split: Split, batch_size: int, train: bool, shuffle: bool = True) -> Batches:
        trainer = self.trainer
        world_size = trainer.world_size if trainer else 1
        if train and batch_size % world_size:
            raise ConfigError(
                "data.batch_size counts the examples of all devices together and must be a "
                f"multiple of their number, got {batch_size} for {world_size} devices; set it to "
                f"{batch_size // world_size * world_size + world_size}."
            )
        return Batches(
            *self._arrays(split),
            batch_size,
            epoch=(lambda: trainer.current_epoch if trainer and shuffle else 0) if train else None,
            seed=self.seed,
            rank=trainer.global_rank if trainer else 0,
            world_size=world_size,
            mapped=self.mapped if train and shuffle else None,
            context=self._context(split),
            labelled=self._in_turn(batch_size) if train and shuffle else None,
            numbered=self.pixels.binarize == "static",
        )

    def _in_turn(self, batch_size: int) -> Tensor | None:
        """The labelled examples, where they are too few to be left to chance."""
        few = self.labelled is not None and 4 * len(self.labelled) < len(self.indices["train"])
        if few and self.mapped is not None:
            raise ConfigError(
                "with few labels every batch holds some, which needs data.shuffle=full, got blocks "
                "of neighbours; set it so, where the images fit into memory."
            )
        return self.labelled if few and batch_size > 1 else None

    def _context(self, split: Split) -> Tensor | None:
        if self.condition is None:
            return None
        if self.condition == "some_labels":
            # a test must not know what it asks
            return self.seen if split == "train" else None
        return self.arrays[f"{self.kind(split)}_{CONTEXT[self.condition]}"]

    def _arrays(self, split: Split) -> tuple[Tensor, Tensor, Tensor]:
        kind = self.kind(split)
        return self.arrays[f"{kind}_images"], self.arrays[f"{kind}_labels"], self.indices[split]

    def kind(self, split: Split) -> Split:
        """Whose arrays hold a split: its own, or those of the training set that it is a part of."""
        return split if f"{split}_images" in self.arrays else "train"
