"""MNIST, which comes with the package."""

from pathlib import Path

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
    # SHA-256 of the decompressed training images
    standard_fingerprint = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"

    def standard(self) -> Path:
        """The package's own copy."""
        return FOLDER
