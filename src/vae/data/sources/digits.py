"""scikit-learn's 8x8 digits."""

import numpy as np

from vae.data.source import Array, Source


class Digits(Source):
    """1,797 handwritten digits of 8 x 8 grey pixels with 17 levels; the last 297 are the test set.

    References:
        Optical Recognition of Handwritten Digits (Alpaydin & Kaynak, 1998), CC BY 4.0
    """

    name = "digits"
    fingerprint = "scikit-learn-1797"

    def decode(self) -> dict[str, Array]:
        """The arrays, with the levels 0 to 16 spread over 0 to 255."""
        from sklearn.datasets import load_digits

        digits = load_digits()
        images = np.rint(digits.images[:, None] * (255 / 16)).astype(np.uint8)
        labels = digits.target.astype(np.uint8)
        return {
            "train_images": images[:1500],
            "train_labels": labels[:1500],
            "test_images": images[1500:],
            "test_labels": labels[1500:],
        }
