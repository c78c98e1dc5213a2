"""format=safetensors: weights and the config that rebuilds the model, which vae.load reads."""

import json
from pathlib import Path
from typing import Any

from vae.errors import ConfigError, RunError
from vae.model.vae import VAE

WEIGHTS, CARD = "model.safetensors", "config.json"


def write(
    model: VAE, event_shape: tuple[int, ...], folder: Path, config: dict[str, Any]
) -> dict[Path, float]:
    """Write model.safetensors and config.json.

    Arguments:
        model: The model.
        event_shape: The shape of an example.
        folder: Where.
        config: The run's config; of it, what says nothing of this machine is kept.

    Returns:
        The weights' file, with its difference from the model.

    Raises:
        ConfigError: If safetensors is not installed.
    """
    save_file = _library().torch.save_file
    kept = {k: config[k] for k in ("name", "seed", "model", "objective", "data")}
    source = {k: v for k, v in config["data"]["source"].items() if k not in ("root", "path")}
    kept["data"] = {k: v for k, v in config["data"].items() if k not in ("root", "path")}
    kept["data"]["source"] = source
    card = {"config": kept, "event_shape": list(event_shape)}
    (folder / CARD).write_text(json.dumps(card, indent=2) + "\n")
    weights = {k: v.contiguous().clone() for k, v in model.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    read = _library().torch.load_file(folder / WEIGHTS)
    worst = max(float((read[k].double() - v.double()).abs().max()) for k, v in weights.items())
    return {folder / WEIGHTS: worst}


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The card and the weights of an export.

    Raises:
        ConfigError: If safetensors is not installed.
        RunError: If a file is missing or damaged.
    """
    library = _library()
    try:
        card = json.loads((folder / CARD).read_text())
        weights = library.torch.load_file(folder / WEIGHTS)
    except (OSError, ValueError, library.SafetensorError) as e:
        raise RunError(
            f"an export holds {CARD} and {WEIGHTS}, but {folder} cannot be read as one "
            f"({' '.join(str(e).split())[:200]}); export it again."
        ) from e
    if not isinstance(card, dict) or not {"config", "event_shape"} <= set(card):
        raise RunError(f"{folder / CARD} must hold a config and an event_shape; export it again.")
    return card, weights


def fetch(name: str) -> Path:
    """The folder of an export on the Hugging Face Hub, downloaded if need be.

    Arguments:
        name: USER/NAME.

    Raises:
        ConfigError: If huggingface_hub is not installed.
        RunError: If there is no such export, or no network.
    """
    hub = _hub()
    try:
        return Path(hub.snapshot_download(name, allow_patterns=[WEIGHTS, CARD]))
    except (OSError, ValueError) as e:
        raise RunError(
            f"hf://USER/NAME must name a model on the Hub, but {name} could not be fetched "
            f"({' '.join(str(e).split())[:200]}); correct it, or connect to the network."
        ) from e


def push(folder: Path, name: str) -> str:
    """Send an export to the Hugging Face Hub; returns its address.

    Raises:
        ConfigError: If huggingface_hub is not installed.
        RunError: If it could not be sent.
    """
    hub = _hub()
    try:
        api = hub.HfApi()
        api.create_repo(name, exist_ok=True)
        return str(
            api.upload_folder(repo_id=name, folder_path=str(folder), allow_patterns=[WEIGHTS, CARD])
        )
    except (OSError, ValueError) as e:
        raise RunError(
            f"push= needs a token of the Hub (hf auth login) that may write {name}, and the "
            f"network, but it could not be sent ({' '.join(str(e).split())[:200]}); the export is "
            f"in {folder}."
        ) from e


def _library() -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as e:
        raise ConfigError(
            "safetensors files need the package safetensors, which is not installed; pip install "
            "'vae-lab[share]'."
        ) from e
    return safetensors


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as e:
        raise ConfigError(
            "the Hugging Face Hub needs the package huggingface_hub, which is not installed; pip "
            "install 'vae-lab[share]'."
        ) from e
    return huggingface_hub
