"""Features of images, by a small network of this package trained on the run's own data."""

import torch
from torch import Tensor

from vae.data.cache import cache_dir
from vae.data.module import DataModule
from vae.metrics.features import FeatureNetwork, feature_network
from vae.objectives.features import FeatureDistance

# bytes of images that a network which tells turned pictures apart learns from
ENOUGH = 100_000_000


def features_of(data: DataModule) -> tuple[FeatureNetwork, str]:
    """The network, and how its features are named: of its classifier, or of one of turned pictures.

    Arguments:
        data: The data; where it has no two classes, pictures are turned, and which way is the
            class.
    """
    source, arrays, indices = data.source, data.arrays, data.indices["train"]
    indices = indices[arrays["train_labels"][indices] >= 0]
    known = torch.arange(len(arrays["test_labels"]))[arrays["test_labels"] >= 0]
    labels = torch.cat([arrays["train_labels"][indices], arrays["test_labels"][known]]).unique()
    name = f"{source.name}-{source.fingerprint[:16]}"
    if len(labels) < 2:
        train, test = (turned(_some(data, split)) for split in ("train", "test"))
        network = feature_network(f"{name}-turned", cache_dir() / "features", train, test, 4)
        task = f"network that tells how a picture of {source.name} was turned"
    else:
        train, test = (
            # the classes' numbers may be any; a classifier's are 0, 1, ...
            (
                arrays[f"{split}_images"].index_select(0, some),
                torch.searchsorted(labels, arrays[f"{split}_labels"].index_select(0, some)),
            )
            for split, some in (("train", indices), ("test", known))
        )
        name = f"{name}-{len(indices)}-{data.split_seed}"
        network = feature_network(name, cache_dir() / "features", train, test, len(labels))
        task = f"classifier of {source.name}"
    right = f"(test accuracy {float(network.accuracy):.4f})"
    return network, f"the 64 features of this package's own {task} {right}, not Inception's"


def _some(data: DataModule, split: str) -> Tensor:
    images = data.arrays[f"{split}_images"]
    chosen = data.indices["train"] if split == "train" else torch.arange(len(images))
    most = max(4, ENOUGH // images[0].numel())
    return images.index_select(0, chosen[:most])


def turned(images: Tensor) -> tuple[Tensor, Tensor]:
    """Images turned by 0, 90, 180 and 270 degrees (mirrored, if not square), and which way.

    Arguments:
        images: Bytes, with shape (N, C, H, W).

    References:
        Unsupervised Representation Learning by Predicting Image Rotations (Gidaris et al., 2018)
    """
    square = images.shape[2] == images.shape[3]
    ways = [
        torch.rot90(images, k, (2, 3)) if square else images.flip([[], [2], [3], [2, 3]][k])
        for k in range(4)
    ]
    return torch.cat(ways), torch.arange(4).repeat_interleave(len(images))


class OwnFeatures(FeatureDistance):
    """The maps of the two convolutions of a network of this package, which stay as they are."""

    def __init__(self, network: FeatureNetwork):
        super().__init__()
        self.first, self.second = network.body[:2], network.body[2:4]
        self.train().requires_grad_(False)

    def maps(self, x: Tensor) -> list[Tensor]:
        """Maps with shapes (N, 32, H / 2, W / 2) and (N, 64, H / 4, W / 4), for x in [0, 1]."""
        one = self.first(x.to(next(self.parameters()).dtype))
        return [one, self.second(one)]
