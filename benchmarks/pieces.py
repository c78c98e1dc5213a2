"""Cut the pieces of photographs that docs/results.md measures autoencoders on.

    python benchmarks/pieces.py photos
    python benchmarks/results.py measure autoencoder_kl --set data.root=photos data.size=[64,64]

1,200 squares of 96 to 199 pixels at random places of the photographs that come with scikit-learn
and matplotlib, made 64 x 64; the same for everybody.
"""

import argparse
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images


def main() -> None:
    """Write them into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    portrait = Image.open(matplotlib.cbook.get_sample_data("grace_hopper.jpg")).convert("RGB")
    photographs = [*load_sample_images().images, np.asarray(portrait)]
    rng = np.random.default_rng(0)
    for number in range(1200):
        photograph = photographs[rng.integers(len(photographs))]
        side = int(rng.integers(96, 200))
        y, x = (rng.integers(length - side) for length in photograph.shape[:2])
        piece = Image.fromarray(photograph[y : y + side, x : x + side])
        piece.resize((64, 64), Image.Resampling.LANCZOS).save(folder / f"{number:05}.png")


if __name__ == "__main__":
    main()
