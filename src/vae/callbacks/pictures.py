"""Pictures of a trained model in its run directory."""

from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.distributions import Normal

from vae.data.module import DataModule
from vae.figures import curves, grid
from vae.model.vae import VAE
from vae.module import VAEModule


class Pictures(Callback):
    """After the test, draw reconstructions, samples, the manifold of a 2-D latent, and curves.

    Arguments:
        count: The number of images in a row and in a column.

    Raises:
        ValueError: If `count` is not positive.
    """

    def __init__(self, count: int = 12):
        if count < 1:
            raise ValueError(f"count must be at least 1, got {count}.")
        self.count = count

    @torch.no_grad()
    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Draw into the folder pictures of the run directory."""
        if not trainer.is_global_zero:
            return
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(pl_module, VAEModule)
        assert isinstance(data, DataModule)
        model, n = pl_module.model, self.count
        folder = Path(trainer.default_root_dir) / "pictures"
        folder.mkdir(exist_ok=True)
        x = next(data.batches("test", n * max(1, n // 2))).x.to(pl_module.device)
        columns = min(n, len(x))
        x = x[: len(x) // columns * columns]
        grid(reconstructions(model, x, columns), columns).save(folder / "reconstructions.png")
        samples = model.decode(model.prior().sample(torch.Size([n * n]))).mean
        grid(samples, n).save(folder / "samples.png")
        if model.prior().event_shape == (2,):
            grid(manifold(model, 20), 20, gap=0).save(folder / "manifold.png")
        metrics = Path(trainer.default_root_dir) / "metrics.csv"
        if metrics.exists():
            curves(metrics).savefig(folder / "curves.png", dpi=100)


def reconstructions(model: VAE, x: Tensor, columns: int) -> Tensor:
    r"""Rows of originals, each above the row of their reconstructions E[x | z = E_q[z]].

    Arguments:
        model: The model.
        x: Originals, with shape (B, \*event_shape); B is a multiple of `columns`.
        columns: The number of images in a row.

    Returns:
        The images row by row, with shape (2 B, \*event_shape).
    """
    again = model.decode(model.encode(x).mean).mean
    pairs = torch.stack([x.unflatten(0, (-1, columns)), again.unflatten(0, (-1, columns))], 1)
    return pairs.flatten(0, 2)


def manifold(model: VAE, side: int) -> Tensor:
    r"""What a 2-D latent space decodes to, at the quantiles of a standard normal.

    Arguments:
        model: A model with latent_dim 2.
        side: The number of points along each axis.

    Returns:
        The images row by row, with shape (side^2, \*event_shape).

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), figure 4
    """
    parameter = next(model.parameters())
    quantiles = torch.linspace(0, 1, side + 2, device=parameter.device)[1:-1]
    at = Normal(0.0, 1.0).icdf(quantiles)
    z = torch.stack(torch.meshgrid(-at, at, indexing="ij")[::-1], -1)
    return model.decode(z.flatten(0, 1).to(parameter.dtype)).mean
