"""report.html of a run: its numbers, curves, pictures, config and command on one page."""

import platform
from pathlib import Path

import torch
import yaml

from vae.reporting.pages.page import picture, write
from vae.runs.results import read_results

CAPTIONS = {
    "curves": "ELBO, rate and distortion while training",
    "reconstructions": "Test images, each row above its reconstructions",
    "samples": "New images, decoded from samples of the prior p(z)",
    "interpolations": "Between the latent means of two test images",
    "traversals": "One latent dimension moved at a time, each row another",
    "manifold": "The decoder's mean over a grid of quantiles of z",
    "latents": "Latent means of test images, by class",
    "analogies": "Test images, and their codes decoded under other conditions",
    "dimensions": "What each latent dimension carries",
    "codes": "How often each class of the codes is taken",
}


def write_report(directory: Path) -> Path:
    """Write report.html into a run directory, from what the run has left there.

    Arguments:
        directory: The run directory; results.json must be there.

    Returns:
        The page's path.
    """
    results = read_results(directory)
    assert results is not None
    config = yaml.safe_load((directory / "config.yaml").read_text())
    pictures = [
        (name, text, picture(path))
        for name, text in CAPTIONS.items()
        if (path := directory / "pictures" / f"{name}.png").is_file()
    ]
    path = directory / "report.html"
    write(
        path,
        "run.html",
        title=f"{results.name}, seed {results.seed}",
        results=results,
        directory=str(directory),
        pictures=pictures,
        config=yaml.safe_dump(config, sort_keys=False),
        environment=dict(results.versions)
        | {
            "device": results.device,
            "processor": torch.cuda.get_device_name()
            if results.device.startswith("cuda")
            else platform.processor() or platform.machine(),
            "threads": results.threads,
            "system": platform.platform(terse=True),
        },
    )
    return path
