"""What a search has found, as a table and as a picture."""

from collections.abc import Sequence

import torch
from PIL import Image
from rich.table import Table
from torch import Tensor

from vae.errors import ConfigError, printable
from vae.reporting.figures import grid
from vae.reporting.tables import console
from vae.search.hit import Hit

# pixels of a contact sheet
MOST_PIXELS = 100_000_000


def print_hits(title: str, hits: Sequence[Hit]) -> None:
    """Print names, classes and distances, the nearest first."""
    table = Table(title=printable(title), title_justify="left")
    table.add_column("", justify="right")
    table.add_column("image", overflow="fold")
    if any(h.label for h in hits):
        table.add_column("class")
    table.add_column("distance", justify="right")
    for rank, hit in enumerate(hits, 1):
        label = [printable(hit.label)] if any(h.label for h in hits) else []
        table.add_row(str(rank), printable(hit.name), *label, f"{hit.distance:.4f}")
    console().print(table)


def contact_sheet(queries: Tensor, hits: Sequence[Sequence[Hit]]) -> Image.Image:
    """Rows of pictures: the query, a gap, and what is nearest to it.

    Arguments:
        queries: Bytes, with shape (Q, C, H, W).
        hits: For each query what was found.
    """
    k = max(map(len, hits))
    blank = torch.full_like(queries[0], 255)
    rows = []
    for image, found in zip(queries, hits, strict=True):
        row = [image, blank, *(hit.image for hit in found)]
        rows += row + [blank] * (k + 2 - len(row))
    if (drawn := len(rows) * queries[0].numel()) > MOST_PIXELS:
        raise ConfigError(
            f"a contact sheet has at most {MOST_PIXELS:,} pixels, but {len(queries):,} pictures "
            f"with {k:,} neighbours would take {drawn:,}; lower k, or ask about fewer."
        )
    scale = max(1, 96 // queries.shape[-1])
    return grid(torch.stack(rows).float() / 255, k + 2, scale=scale)
