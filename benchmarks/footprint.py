"""How much memory an MNIST run holds at its peak, against importing torch and lightning.

python benchmarks/footprint.py
"""

from collections.abc import Iterable

from measure import Row, main, python, train


def rows() -> Iterable[Row]:
    """The whole command with its test: 500 samples of log p(x) for each of 2,000 images."""
    words = ["experiment=mnist_bernoulli", "trainer.max_epochs=2", "trainer.limit_test_batches=4"]
    words += ["evaluate.num_samples=500", "evaluate.surgery=2000", "evaluate.probe=10000"]
    _, done = train(*words)
    imports = python("-c", "import torch, lightning").peak
    yield Row(
        "peak memory, experiment=mnist_bernoulli",
        f"{done.peak:.0f} MB",
        f"importing torch and lightning {imports:.0f} MB, and {done.peak - imports:.0f} MB",
        None,
        "300 MB more",
    )


if __name__ == "__main__":
    main(list(rows()))
