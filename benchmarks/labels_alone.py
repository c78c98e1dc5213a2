"""What a classifier learns of the labels that a semi-supervised experiment sees, and no others.

    python benchmarks/labels_alone.py m2_100

The network is the experiment's own q(y|x), trained by Adam on log q(y|x) of the labelled examples
alone, with their binarisation drawn anew in every step; its accuracy on the test set stands beside
the experiment's.
"""

import sys

import torch

import vae
from vae.config.build import build_data, build_model
from vae.metrics.estimate import Estimate

STEPS = 1000


def main(name: str, seed: int) -> None:
    """Train and print the accuracy with its standard error over test images."""
    config = vae.compose(f"experiment={name}", f"seed={seed}")
    data = build_data(config)
    torch.manual_seed(seed)
    model = build_model(config, data.event_shape, data)
    images = data.arrays["train_images"].index_select(0, data.labelled)
    label = data.seen.index_select(0, data.labelled)
    optimizer = torch.optim.Adam(model.classifier.parameters(), lr=1e-3)
    for _ in range(STEPS):
        log_q = model.classify(data.pixels(images, None))
        loss = torch.nn.functional.nll_loss(log_q, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        right = [
            (model.classify(batch.x).argmax(1) == batch.label).double()
            for batch in data.batches("test")
        ]
    found = Estimate.of(torch.cat(right))
    print(
        f"{name}, seed {seed}: {len(label)} labels alone give a test accuracy of "
        f"{found.value:.4f} ± {found.standard_error:.4f}"
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
