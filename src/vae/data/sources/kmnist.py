"""KMNIST, downloaded at first use."""

from typing import ClassVar

from vae.data.sources.download import DownloadedIDX


class KMNIST(DownloadedIDX):
    """70,000 cursive Japanese characters of 28 x 28 grey pixels, 60,000 of them for training.

    Arguments:
        mirrors: The addresses of folders that hold the four files, tried in turn.
        root: A folder with the four IDX files to use instead of downloading them.

    References:
        Deep Learning for Classical Japanese Literature (Clanuwat et al., 2018), CC BY-SA 4.0
    """

    name = "kmnist"
    md5: ClassVar = {
        "train_images": "bdb82020997e1d708af4cf47b453dcf7",
        "train_labels": "e144d726b3acfaa3e44228e80efcd344",
        "test_images": "5c965bf0a639b31b8f53240b1b52f4d7",
        "test_labels": "7320c461ea6c1c855c0b718fb2a4b134",
    }
