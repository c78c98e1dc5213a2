"""The pictures of a tested model, in a folder."""

from pathlib import Path

import torch
from torch import Tensor

from vae.data.module import DataModule
from vae.metrics.latents import THRESHOLD, LatentUse
from vae.model.families.vae import VAE
from vae.reporting import views
from vae.reporting.figures import bars, grid, scatter, taken

# images that tell how the latent space is used
CODES = 2000


@torch.no_grad()
def draw(
    model: VAE,
    data: DataModule,
    folder: Path,
    count: int,
    use: LatentUse | None,
    generates: bool,
    shares: Tensor | None = None,
) -> None:
    """Draw samples, reconstructions, interpolations, traversals and how z is used.

    Arguments:
        model: The model, in evaluation mode.
        data: The data module.
        folder: Where; it is made.
        count: The number of images in a row and in a column.
        use: What each dimension of z carries, if it is known.
        generates: Whether samples of p(z) mean anything.
        shares: Of codes, how often each class is taken, with shape (N, K); None without codes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = next(model.parameters()).device
    batch = next(data.batches("test", CODES))
    x = batch.x.to(device)
    n = min(count, len(x))
    some = x[: min(len(x), n * max(1, n // 2)) // n * n]
    given = model.given(batch.context)
    grid(views.reconstructions(given.rows(0, len(some)), some, n), n).save(
        folder / "reconstructions.png"
    )
    if generates:
        by_row = model.given(views.contexts(model, batch.context, count, count))
        grid(views.samples(by_row, count * count), count).save(folder / "samples.png")
    half = len(x[: 2 * n]) // 2
    if half:
        ends = given.rows(0, 2 * half)
        between = views.interpolation(ends, x[:half], x[half : 2 * half], count)
        grid(between, count).save(folder / "interpolations.png")
    grid(views.traversal(given, x, count, count), count).save(folder / "traversals.png")
    if (others := views.contexts(model, batch.context, count - 1, 1)) is not None and count > 1:
        columns = count if model.condition is None else min(count, model.condition.size + 1)
        changed = views.analogies(given.rows(0, n), x[:n], others[: columns - 1])
        grid(changed, columns).save(folder / "analogies.png")
    z = given.embed(x)
    if z.shape[1] == 2:
        grid(views.manifold(given.rows(0, 1), 20), 20, gap=0).save(folder / "manifold.png")
    if z.shape[1] > 1 and len(z) > 1:
        scatter(z.cpu(), batch.label).savefig(folder / "latents.png", dpi=100)
    if use is not None:
        rate = None if use.rate is None else use.rate.tolist()
        figure = bars(use.variance.tolist(), rate, THRESHOLD)
        figure.savefig(folder / "dimensions.png", dpi=100)
    if shares is not None:
        taken(shares).savefig(folder / "codes.png", dpi=100)
