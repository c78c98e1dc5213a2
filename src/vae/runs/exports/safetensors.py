"""format=safetensors: weights and the config that rebuilds the model, which vae.load reads."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from vae import files
from vae.config.secret import recorded
from vae.errors import RunError, needs_extra, one_line
from vae.model.families.vae import VAE

WEIGHTS, CARD = "model.safetensors", "config.json"
# beside them, for people
PAGE, SAMPLES = "README.md", "samples.png"


def write(
    model: VAE,
    event_shape: tuple[int, ...],
    folder: Path,
    config: dict[str, Any],
    data: Mapping[str, Any],
) -> dict[Path, float]:
    """Write model.safetensors and config.json.

    Arguments:
        model: The model.
        event_shape: The shape of an example.
        folder: Where.
        config: The run's config; of it, what says nothing of this machine is kept.
        data: What is known of the data it was trained on.

    Returns:
        The weights' file, with its difference from the model.

    Raises:
        ConfigError: If safetensors is not installed.
    """
    kept = {k: config[k] for k in ("name", "seed", "model", "objective", "data")}
    source = {k: v for k, v in config["data"]["source"].items() if k not in ("root", "path")}
    kept["data"] = {k: v for k, v in config["data"].items() if k not in ("root", "path")}
    kept["data"]["source"] = source
    weights = {k: v.contiguous().clone() for k, v in model.state_dict().items()}
    content = _library().torch.save(weights)
    card = {
        "config": recorded(kept),
        "event_shape": list(event_shape),
        "data": dict(data),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    files.write(folder / WEIGHTS, content)
    files.write(folder / CARD, json.dumps(card, indent=2) + "\n")
    read = _library().torch.load_file(folder / WEIGHTS)
    same = all(torch.equal(read[k], v) for k, v in weights.items())
    if not same:
        raise RunError(
            f"{folder / WEIGHTS} must hold the model's weights, but does not; report it."
        )
    return {folder / WEIGHTS: 0.0}


def describe(folder: Path, directory: Path) -> None:
    """Write the model card beside an export, with the run's samples if it has drawn some.

    Arguments:
        folder: The export.
        directory: The run's directory.
    """
    # vae.load reads exports and needs neither
    from vae.runs.exports.card import page
    from vae.runs.results import read_results

    config = json.loads((folder / CARD).read_text())["config"]
    samples = directory / "pictures" / SAMPLES
    if samples.is_file():
        files.write(folder / SAMPLES, samples.read_bytes())
    shown = folder / SAMPLES if samples.is_file() else None
    files.write(folder / PAGE, page(config, read_results(directory), shown))


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The card and the weights of an export.

    Raises:
        ConfigError: If safetensors is not installed.
        RunError: If a file is missing or damaged.
    """
    library = _library()
    try:
        if not all(files.is_regular(folder / name) for name in (CARD, WEIGHTS)):
            raise OSError("they are no regular files")
        card = json.loads((folder / CARD).read_text())
        known = card.get("sha256") if isinstance(card, dict) else None
        if known is not None and files.sha256(folder / WEIGHTS) != known:
            raise ValueError(f"the checksum of {WEIGHTS} is another")
        weights = library.torch.load_file(folder / WEIGHTS)
    except (OSError, ValueError, TypeError, RecursionError, library.SafetensorError) as e:
        raise RunError(
            f"an export holds {CARD} and {WEIGHTS}, but {folder} cannot be read as one "
            f"({one_line(e)}); export it again."
        ) from e
    if not isinstance(card, dict) or not {"config", "event_shape"} <= set(card):
        raise RunError(f"{folder / CARD} must hold a config and an event_shape; export it again.")
    return card, weights


def fetch(name: str) -> Path:
    """The folder of an export on the Hugging Face Hub, downloaded if need be.

    Arguments:
        name: USER/NAME, or USER/NAME@REVISION for one commit, tag or branch of it.

    Raises:
        ConfigError: If huggingface_hub is not installed.
        RunError: If there is no such export, or no network.
    """
    hub = _hub()
    repository, _, revision = name.partition("@")
    try:
        found = hub.snapshot_download(
            repository, revision=revision or None, allow_patterns=[WEIGHTS, CARD]
        )
        return Path(found)
    except (OSError, ValueError) as e:
        raise RunError(
            f"hf://USER/NAME must name a model on the Hub, but {name} could not be fetched "
            f"({one_line(e)}); name another, or connect to the network."
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
        sent = [WEIGHTS, CARD, PAGE, SAMPLES]
        return str(api.upload_folder(repo_id=name, folder_path=str(folder), allow_patterns=sent))
    except (OSError, ValueError) as e:
        raise RunError(
            f"push= needs a token of the Hub (hf auth login) that may write {name}, and the "
            f"network, but it could not be sent ({one_line(e)}); the export is "
            f"in {folder}."
        ) from e


def _library() -> Any:
    try:
        import safetensors
        import safetensors.torch
    except ImportError as e:
        raise needs_extra("a safetensors file", "safetensors", "share") from e
    return safetensors


def _hub() -> Any:
    try:
        import huggingface_hub
    except ImportError as e:
        raise needs_extra("the Hugging Face Hub", "huggingface_hub", "share") from e
    return huggingface_hub
