"""The table that a run begins with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from vae.reporting.tables import console

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from vae.data.module import DataModule
    from vae.model.families.vae import VAE

Config = Mapping[str, Any]


def print_summary(
    config: Config,
    data: DataModule,
    model: VAE,
    trainer: Trainer,
    checkpoint: Path | None = None,
) -> None:
    """Print what is about to be trained, on what, how, and what it resumes from."""
    table = Table(title=f"{config['name']}", show_header=False, title_justify="left")
    sizes = {split: f"{len(indices):,}" for split, indices in data.indices.items()}
    shape = "x".join(map(str, data.event_shape))
    pixels = data.pixels
    values = "dequantised" if pixels.dequantize else f"binarize={pixels.binarize}"
    table.add_row("data", f"{data.source.name}, {shape}, {values}")
    table.add_row("examples", f"{sizes['train']} train, {sizes['val']} val, {sizes['test']} test")
    for part in ("posterior", "prior", "likelihood", "encoder", "decoder"):
        word = type(getattr(model, part)).__name__
        count = model.num_parameters(part)
        table.add_row(part, f"{word}, {count:,} parameters" if count else word)
    if (c := model.condition) is not None:
        how = f"embedded in {c.width} dimensions" if c.embed else "as they are"
        many = "classes, one-hot" if c.kind == "label" and not c.embed else f"{c.kind}, {how}"
        table.add_row("condition", f"{c.size} {many}: p(x|c)")
    table.add_row("latent_dim", " + ".join(map(str, model.layers)))
    table.add_row("objective", _arguments(config["objective"]))
    table.add_row("optimizer", _arguments(config["optimizer"]))
    strategy = type(trainer.strategy).__name__.removesuffix("Strategy")
    table.add_row(
        "trainer",
        f"{trainer.max_epochs} epochs on {trainer.world_size} x {trainer.strategy.root_device.type}"
        f" ({strategy}), precision {trainer.precision}, batch {data.batch_size}",
    )
    table.add_row("seed", str(config["seed"]))
    table.add_row("run directory", config["run_dir"])
    if checkpoint is not None:
        table.add_row("resumed from", str(checkpoint))
    console().print(table)
    if chosen := data.source.describe():
        console().print(chosen, soft_wrap=True)


def _arguments(node: Config) -> str:
    words = [
        f"{'' if '_target_' in v else k}{_arguments(v)}" if isinstance(v, Mapping) else f"{k}={v}"
        for k, v in node.items()
        if k != "_target_"
    ]
    return f"{node.get('_target_', '').rpartition('.')[2]}({', '.join(words)})"
