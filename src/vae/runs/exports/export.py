"""A trained run in a form that others read."""

from __future__ import annotations

from pathlib import Path
from typing import Any


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

    from vae.config.check import check
    from vae.errors import ConfigError, VAEError
    from vae.runs.exports import diffusers, onnx, safetensors, torch_export
    from vae.runs.opened import open_run
    from vae.runs.process import prepare

    check(config, "export")
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
            elif config["format"] == "diffusers":
                written = diffusers.write(model, shape, folder)
            else:
                written = safetensors.write(model, shape, folder, opened.config, opened.data)
                safetensors.describe(folder, opened.directory)
    except VAEError:
        # nothing was written: nothing is left
        for empty in (folder, folder.parent):
            if empty.is_dir() and not any(empty.iterdir()):
                empty.rmdir()
        raise
    finally:
        Distribution.set_default_validate_args(__debug__)
    for path, worst in written.items():
        print(f"{path}: differs from the model by at most {worst:.1g} of the largest value")
    if config["push"]:
        print(f"sent to {safetensors.push(folder, config['push'])}")
    return folder
