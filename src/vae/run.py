"""A run directory or a checkpoint to the model, rebuilt from the config it carries."""

import hashlib
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from vae.build import build_model
from vae.errors import ConfigError, RunError, VAEError
from vae.exports.safetensors import WEIGHTS, fetch, read
from vae.model.vae import VAE

# what torch and our own code raise on content that is not as it was written
DAMAGED = (
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Run:
    """A trained run.

    Arguments:
        model: The model, in evaluation mode, on the CPU.
        config: What it was trained with, as plain values.
        event_shape: The shape of an example.
        checkpoint: The checkpoint's path.
        directory: The run directory; that of the checkpoint if it lies in none.
        allow: Packages of the user's that its classes may come from.
    """

    model: VAE
    config: dict[str, Any]
    event_shape: tuple[int, ...]
    checkpoint: Path
    directory: Path
    allow: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A hash of the weights."""
        digest = hashlib.sha256()
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @property
    def generates(self) -> bool:
        """Whether samples of p(z) mean anything: an autoencoder has never seen its N(0, I)."""
        model = self.config["model"]
        return not (
            self.model.posterior.density == "none"
            and model["prior"]["_target_"].endswith(".StandardNormal")
            and self.config["objective"]["_target_"].endswith(".Reconstruction")
        )

    def data_config(self, root: str | None = None) -> dict[str, Any]:
        """The config with what builds the run's data; hosts to download from are our own.

        Arguments:
            root: The folder where the data lies now; None for where it lay.
        """
        from vae.argv import config_dir

        data = dict(self.config["data"])
        source = dict(data["source"])
        if root is not None:
            place = next((word for word in ("root", "path") if word in source), None)
            if place is None:
                raise ConfigError(
                    "data_root= says where a run's data lies now, but this run's comes with a "
                    f"package ({source['_target_'].rpartition('.')[2]}), got {root}; leave it out."
                )
            source[place] = root
        if "mode" in source:
            # pictures that have come since must not change the shape that the model takes
            channels, *size = self.event_shape
            source |= {"size": size, "mode": "grey" if channels == 1 else "rgb"}
        if "mirrors" in source:
            # a checkpoint from elsewhere must not name hosts
            packaged = config_dir() / "data" / f"{source['_target_'].split('.')[-2]}.yaml"
            known = yaml.safe_load(packaged.read_text()) if packaged.is_file() else {}
            source["mirrors"] = known.get("source", {}).get("mirrors", [])
        return {**self.config, "allow": list(self.allow), "data": {**data, "source": source}}


def load(path: str | Path, allow: Sequence[str] = ()) -> VAE:
    """The model of a run, in evaluation mode, on the CPU.

    Nothing is unpickled but tensors and plain values, and nothing is built but classes of
    vae.model.

    Arguments:
        path: A run directory (its best checkpoint is taken, or else its last), a checkpoint, the
            folder of a safetensors export, or hf://USER/NAME for one on the Hugging Face Hub.
        allow: Names of packages of yours that the model's classes may also come from.

    Raises:
        RunError: If there is no such run, or it cannot be rebuilt.
        ConfigError: If its config names anything that is not allowed.
    """
    return open_run(path, allow).model


def open_run(path: str | Path, allow: Sequence[str] = ()) -> Run:
    """A run with its config; the arguments and errors are those of `load`."""
    card: Any
    content: Any
    if str(path).startswith("hf://"):
        path = fetch(str(path).removeprefix("hf://"))
    if Path(path).name == WEIGHTS:
        path = Path(path).parent
    if (Path(path) / WEIGHTS).is_file():
        checkpoint = Path(path) / WEIGHTS
        card, kept = read(Path(path))
        content = {"state_dict": {f"model.{k}": v for k, v in kept.items()}}
    else:
        checkpoint = find_checkpoint(Path(path))
        content = read_checkpoint(checkpoint)
        card = content.get("vae") if isinstance(content, dict) else None
    if not isinstance(card, dict) or not {"config", "event_shape"} <= set(card):
        raise RunError(
            f"a checkpoint of this package carries the config that rebuilds it, but {checkpoint} "
            "has none; give one that python -m vae.train wrote."
        )
    try:
        event_shape = tuple(int(n) for n in card["event_shape"])
        model = build_model({**card["config"], "allow": list(allow)}, event_shape)
        prefix = "model."
        weights = content["state_dict"]
        model.load_state_dict(
            {k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}
        )
    except VAEError:
        raise
    except DAMAGED as e:
        raise RunError(
            f"a checkpoint's config and weights must fit together, but those of {checkpoint} do "
            f"not ({' '.join(str(e).split())[:200]}); give an undamaged one."
        ) from e
    home = checkpoint.parent
    directory = home.parent if home.name == "checkpoints" else home
    return Run(model.eval(), card["config"], event_shape, checkpoint, directory, tuple(allow))


def find_checkpoint(path: Path) -> Path:
    """The checkpoint that `path` means: itself, or the best (else the last) of a run directory.

    Raises:
        RunError: If there is none.
    """
    if path.is_file():
        return path
    for folder in (path / "checkpoints", path):
        for name in ("best.ckpt", "last.ckpt"):
            if (folder / name).is_file():
                return folder / name
    what = "has no checkpoints/best.ckpt or last.ckpt" if path.exists() else "does not exist"
    raise RunError(
        f"run= takes a run directory or a checkpoint, but {path} {what}; give the directory that "
        "python -m vae.train printed."
    )


def read_checkpoint(checkpoint: Path) -> Any:
    """What a checkpoint holds: tensors and plain values, and nothing else is unpickled.

    Raises:
        RunError: If it is damaged, or holds anything else.
    """
    try:
        return torch.load(checkpoint, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, EOFError, OSError, *DAMAGED) as e:
        raise RunError(
            f"a checkpoint holds tensors and plain values alone, but {checkpoint} cannot be read "
            f"as such ({' '.join(str(e).split())[:200]}); give one that python -m vae.train wrote."
        ) from e
