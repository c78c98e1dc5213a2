"""Save a W&B workspace that shows runs as a VAE is read: likelihood, rate-distortion, latents.

Try:
  python -m vae.dashboard entity=ME project=vae
  python -m vae.dashboard entity=ME out=workspace.json

Saving needs a key (WANDB_API_KEY, or wandb login) and the extra dashboard: pip install
'vae-lab[dashboard]'.
"""

from pathlib import Path

from omegaconf import DictConfig

from vae.cli.command import plain, run


def task(config: DictConfig) -> None:
    """One job of the command."""
    from vae.errors import ConfigError
    from vae.reporting.workspace import serialise, workspace

    settings = plain(config)
    for name in ("entity", "project", "name"):
        if not isinstance(settings[name], str) or settings[name] == "???":
            raise ConfigError(f"{name} must be set, got nothing; add {name}= and its value.")
    made = workspace(settings["entity"], settings["project"], settings["name"])
    if settings["out"]:
        Path(settings["out"]).write_text(serialise(made) + "\n")
        print(f"workspace written: {settings['out']}")
        return
    from vae.training.loggers.wandb import has_key

    if not has_key():
        raise ConfigError(
            "saving a workspace needs a W&B key, but there is none; run wandb login or set "
            "WANDB_API_KEY, or write it to a file with out=workspace.json."
        )
    made.save()
    print(f"workspace saved: {made.url}")


if __name__ == "__main__":
    run("dashboard", task, help=__doc__, groups=[])
