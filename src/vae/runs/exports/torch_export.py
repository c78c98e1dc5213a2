"""format=torch_export: programs that torch.export.load reads, without this package."""

import io
from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim

from vae import files
from vae.model.families.vae import VAE
from vae.runs.exports.check import compare
from vae.runs.exports.parts import example, parts


def write(model: VAE, event_shape: tuple[int, ...], folder: Path) -> dict[Path, float]:
    """Write encoder.pt2, decoder.pt2 and sampler.pt2, for batches of any size.

    Returns:
        The files, each with its largest difference from the model.

    Raises:
        RunError: If an export computes anything else.
    """
    written = {}
    for part in parts(model):
        inputs = example(part, model, event_shape, batch=3)
        batch = Dim("batch", min=1, max=2**16)
        dynamic = tuple({0: batch} for _ in inputs)
        program = torch.export.export(part.module, inputs, dynamic_shapes=dynamic, strict=False)
        path = folder / f"{part.name}.pt2"
        # by way of memory: torch's own writer ends the process on a full disk
        content = io.BytesIO()
        torch.export.save(program, content)
        files.write(path, content.getvalue())
        loaded = torch.export.load(path).module()

        def run(*xs: Tensor, loaded: torch.nn.Module = loaded) -> tuple[Tensor, ...]:
            found = loaded(*xs)
            return found if isinstance(found, tuple) else (found,)

        written[path] = compare(part, model, event_shape, run)
    return written
