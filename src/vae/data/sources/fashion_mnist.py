"""Fashion-MNIST, downloaded at first use."""

from typing import ClassVar

from vae.data.sources.download import DownloadedIDX


class FashionMNIST(DownloadedIDX):
    """70,000 articles of clothing of 28 x 28 grey pixels, 60,000 of them for training.

    Arguments:
        mirrors: The addresses of folders that hold the four files, tried in turn.
        root: A folder with the four IDX files to use instead of downloading them.

    References:
        Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017), MIT licence
    """

    name = "fashion_mnist"
    md5: ClassVar = {
        "train_images": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train_labels": "25c81989df183df01b3e8a0aad5dffbe",
        "test_images": "bef4ecab320f06d8554ea6380940ec79",
        "test_labels": "bb300cfdad3c16e7a12a480ee83cd310",
    }
