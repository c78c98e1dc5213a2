"""What a search has found, as a table and as a picture."""

from collections.abc import Sequence

import torch
from PIL import Image
from rich.table import Table
from torch import Tensor

from vae.figures import grid
from vae.report import console
from vae.search.store import Hit


def print_hits(title: str, hits: Sequence[Hit]) -> None:
    """Print names, classes and distances, the nearest first."""
    table = Table(title=title, title_justify="left")
    table.add_column("", justify="right")
    table.add_column("image", overflow="fold")
    if any(h.label for h in hits):
        table.add_column("class")
    table.add_column("distance", justify="right")
    for rank, hit in enumerate(hits, 1):
        label = [hit.label] if any(h.label for h in hits) else []
        table.add_row(str(rank), hit.name, *label, f"{hit.distance:.4f}")
    console().print(table)


def contact_sheet(queries: Tensor, hits: Sequence[Sequence[Hit]], k: int) -> Image.Image:
    """Rows of pictures: the query, a gap, and what is nearest to it.

    Arguments:
        queries: Bytes, with shape (Q, C, H, W).
        hits: For each query what was found.
        k: The most that was asked for.
    """
    blank = torch.full_like(queries[0], 255)
    rows = []
    for image, found in zip(queries, hits, strict=True):
        row = [image, blank, *(hit.image for hit in found)]
        rows += row + [blank] * (k + 2 - len(row))
    scale = max(1, 96 // queries.shape[-1])
    return grid(torch.stack(rows).float() / 255, k + 2, scale=scale)
