"""How far generated images lie from the data."""

import torch
from torch import Tensor

from vae.data.module import DataModule
from vae.evaluation.features import features_of
from vae.model import VAE
from vae.reporting import views
from vae.runs.sections import Result, Samples


def distances(model: VAE, data: DataModule, count: int, device: torch.device) -> Samples:
    """FID and KID of samples of p(x) in the features of a network trained on this data.

    Arguments:
        model: The model.
        data: Whose test images they are compared with.
        count: How many images are generated.
        device: Where to compute.
    """
    from vae.metrics import fid

    network, named = features_of(data)
    arrays = data.arrays
    test = arrays["test_images"]
    train = arrays["train_images"].index_select(0, data.indices["train"][: len(test)])
    # of a conditional model, as many of each class as there are test images
    context = None if data.condition is None else data.some(count, "test").context
    given = model.given(context)
    drawn = [
        as_bytes(views.samples(given.rows(start, start + 500), min(500, count - start)))
        for start in range(0, count, 500)
    ]
    found = fid.distances(network, test, torch.cat(drawn))
    floor = fid.distances(network, test, train)
    return Samples(
        fid=Result.of(found.fid, count),
        kid=Result.of(found.kid, count),
        fid_of_training_images=Result.of(floor.fid, len(train)),
        num_images=count,
        features=named,
    )


def as_bytes(x: Tensor) -> Tensor:
    """Pixels as bytes, clipped to [0, 1]."""
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
