"""MNIST, which comes with the package."""

from pathlib import Path
from typing import ClassVar

from vae.data.sources.idx import IDX

FOLDER = Path(__file__).parents[1] / "files" / "mnist"


class MNIST(IDX):
    """70,000 handwritten digits of 28 x 28 grey pixels, 60,000 of them for training.

    Arguments:
        root: A folder with the four IDX files to use instead of the package's own.

    References:
        The MNIST database of handwritten digits (LeCun, Cortes & Burges), CC BY-SA 3.0
    """

    name = "mnist"
    # as the package packs them, and as they were first published
    copies: ClassVar = (
        {
            "train_images": "c7dfcf1bfd3481a40f7b3aedbdbd083c",
            "train_labels": "d289298a347a2cc65765a3c81043ba88",
            "test_images": "ecff87aa27c74fbc2c1f97e89c19221d",
            "test_labels": "a38049bc042dc6e683842a84160daae1",
        },
        {
            "train_images": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "train_labels": "d53e105ee54ea40749a09fcbcd1e9432",
            "test_images": "9fb629c4189551a2d022fa330f9573f3",
            "test_labels": "ec29112dd5afa0611ce80d1b7f02629c",
        },
    )
    # SHA-256 of the decompressed training images
    standard_fingerprint = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"

    def standard(self) -> Path:
        """The package's own copy."""
        return FOLDER
