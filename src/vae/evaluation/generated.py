"""How far generated images lie from the data."""

import torch
from torch import Tensor

from vae.data.cache import cache_dir
from vae.data.module import DataModule
from vae.model import VAE
from vae.reporting import views
from vae.runs.results import Result, Samples


def distances(model: VAE, data: DataModule, count: int, device: torch.device) -> Samples:
    """FID and KID of samples of p(x) in the features of a classifier of this data.

    Arguments:
        model: The model.
        data: Whose test images they are compared with.
        count: How many images are generated.
        device: Where to compute.
    """
    from vae.metrics import fid
    from vae.metrics.features import feature_network

    arrays, indices = data.arrays, data.indices["train"]
    indices = indices[arrays["train_labels"][indices] >= 0]
    known = torch.arange(len(arrays["test_labels"]))[arrays["test_labels"] >= 0]
    labels = torch.cat([arrays["train_labels"][indices], arrays["test_labels"][known]]).unique()
    train, test = (
        # the classes' numbers may be any; a classifier's are 0, 1, ...
        (
            arrays[f"{split}_images"].index_select(0, some),
            torch.searchsorted(labels, arrays[f"{split}_labels"].index_select(0, some)),
        )
        for split, some in (("train", indices), ("test", known))
    )
    name = f"{data.source.name}-{data.source.fingerprint[:16]}-{len(indices)}-{data.split_seed}"
    network = feature_network(name, cache_dir() / "features", train, test, len(labels))
    # of a conditional model, as many of each class as there are test images
    context = None if data.condition is None else data.some(count, "test").context
    given = model.given(context)
    drawn = [
        _bytes(views.samples(given.rows(start, start + 500), min(500, count - start)))
        for start in range(0, count, 500)
    ]
    found = fid.distances(network, test[0], torch.cat(drawn))
    floor = fid.distances(network, test[0], train[0][: len(test[0])])
    return Samples(
        fid=Result.of(found.fid, count),
        kid=Result.of(found.kid, count),
        fid_of_training_images=Result.of(floor.fid, min(len(train[0]), len(test[0]))),
        num_images=count,
        features=f"the 64 features of this package's own classifier of {data.source.name} "
        f"(test accuracy {float(network.accuracy):.4f}), not Inception's",
    )


def _bytes(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8).cpu()
