"""Export a trained run: its encoder, decoder and sampler, compared with the model.

Try:
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=onnx
  python -m vae.export run=outputs/mnist_bernoulli/TIME format=safetensors push=USER/NAME

Settings (NAME=VALUE): run (a run directory or a checkpoint), format (safetensors, which vae.load
reads; torch_export, which torch.export.load reads; onnx), out (a folder; RUN/export/FORMAT without
one), push (USER/NAME on the Hugging Face Hub).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from vae.command import plain, run


def export(config: dict[str, Any]) -> Path:
    """Export one run.

    Arguments:
        config: What `compose(..., name="export")` gives.

    Returns:
        The folder.

    Raises:
        ConfigError: If the config makes no sense, or a package is missing.
        RunError: If there is no such run, or its export computes anything else than it does.
    """
    import torch
    from torch.distributions import Distribution

    from vae import settings
    from vae.errors import ConfigError
    from vae.exports import onnx, safetensors, torch_export
    from vae.process import prepare
    from vae.run import open_run

    settings.check(config, settings.EXPORT, "export")
    if config["push"] and config["format"] != "safetensors":
        raise ConfigError(
            f"push= sends an export that vae.load reads, got format={config['format']}; set "
            "format=safetensors."
        )
    prepare()
    opened = open_run(config["run"], config["allow"])
    model, shape = opened.model.float(), opened.event_shape
    folder = Path(config["out"] or opened.directory / "export" / config["format"]).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    # what looks at values cannot be traced
    Distribution.set_default_validate_args(False)
    try:
        with torch.no_grad():
            if config["format"] == "onnx":
                written = onnx.write(model, shape, folder)
            elif config["format"] == "torch_export":
                written = torch_export.write(model, shape, folder)
            else:
                written = safetensors.write(model, shape, folder, opened.config, opened.data)
    finally:
        Distribution.set_default_validate_args(__debug__)
    for path, worst in written.items():
        print(f"{path}: differs from the model by at most {worst:.1g} of the largest value")
    if config["push"]:
        print(f"sent to {safetensors.push(folder, config['push'])}")
    return folder


def task(config: DictConfig) -> None:
    """One job of the command."""
    export(plain(config))


if __name__ == "__main__":
    run("export", task, help=__doc__, groups=[])
