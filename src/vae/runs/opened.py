"""A run directory or a checkpoint to the model, rebuilt from the config it carries."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from vae.config import pairings
from vae.config.build import build_model
from vae.config.make import locate
from vae.config.moved import upgraded
from vae.errors import ConfigError, DataError, RunError, VAEError, one_line
from vae.model.budget import budget
from vae.model.families.vae import VAE
from vae.runs import checkpoint as checkpoints
from vae.runs.checkpoint import DAMAGED
from vae.runs.exports.safetensors import WEIGHTS, fetch, read
from vae.runs.find import find_checkpoint
from vae.runs.places import packaged_mirrors, relocated

if TYPE_CHECKING:
    from vae.data.module import DataModule

# what every config that a checkpoint carries has
NEEDED = {"name", "seed", "model", "objective", "data"}


@dataclass(frozen=True)
class Run:
    """A trained run.

    Arguments:
        model: The model, in evaluation mode, on the CPU.
        config: What it was trained with, as plain values.
        event_shape: The shape of an example.
        checkpoint: The checkpoint's path.
        directory: The run directory; that of the checkpoint if it lies in none, and one of its own
            in outputs/hub for a model of the Hub.
        allow: Packages of the user's that its classes may come from.
        data: What the checkpoint says of the data it was trained on; nothing, of an old one.
    """

    model: VAE
    config: dict[str, Any]
    event_shape: tuple[int, ...]
    checkpoint: Path
    directory: Path
    allow: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A hash of the weights."""
        digest = hashlib.sha256()
        for name, value in self.model.state_dict().items():
            digest.update(name.encode())
            digest.update(value.reshape(-1).contiguous().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()

    @property
    def home(self) -> Path:
        """The folder of a checkpoint that is made from this one: beside it, if it is the run's."""
        own = self.checkpoint.is_relative_to(self.directory)
        return self.checkpoint.parent if own else self.directory

    @property
    def generates(self) -> bool:
        """Whether samples of p(z) mean anything: an autoencoder has never seen its N(0, I)."""
        node = self.config["objective"]
        try:
            objective = locate(node["_target_"], self.allow, ("vae.objectives.",))
        except ConfigError:
            # one of the user's that is not allowed here, which only training needs
            return True
        return pairings.generates(self.model, objective)

    def data_config(self, root: str | None = None) -> dict[str, Any]:
        """The config with what builds the run's data; hosts to download from are our own.

        Arguments:
            root: The folder where the data lies now; None for where it lay.
        """
        data = dict(self.config["data"]) if root is None else relocated(self.config["data"], root)
        source = dict(data["source"])
        if "mode" in data:
            # pictures that have come since must not change the shape that the model takes
            channels, *size = self.event_shape
            data |= {"size": size, "mode": "grey" if channels == 1 else "rgb"}
        if "levels" in data and "levels" in self.data:
            data["levels"] = self.data["levels"]
        if "mirrors" in source:
            source["mirrors"] = packaged_mirrors(source)
        return {**self.config, "allow": list(self.allow), "data": {**data, "source": source}}

    def open_data(self, root: str | None = None, other: bool = False) -> "DataModule":
        """The data that the run was trained on.

        Arguments:
            root: The folder where it lies now; None for where it lay.
            other: Whether data that has changed since is taken too, with a warning.

        Raises:
            DataError: If it is not the same data.
        """
        from vae.config.build import build_data

        found = build_data(self.data_config(root))
        target = str(self.config["data"]["source"].get("_target_")).rpartition(".")[2]
        unknown = not self.data and target in ("Arrays", "HuggingFace")
        # such a run is older than the rule by which these are split now
        same_data({"fingerprint": None} if unknown else self.data, found, other)
        return found


def same_data(known: Mapping[str, Any] | None, found: "DataModule", other: bool = False) -> None:
    """Refuse data that is not what a run was trained on: its test images may have been trained on.

    Arguments:
        known: What the run's checkpoint says of its data; nothing is checked if it says nothing.
        found: The data there is now.
        other: Whether to warn instead.

    Raises:
        DataError: If it is other data.
    """
    now = found.card()
    differing = [k for k, v in (known or {}).items() if k in now and now[k] != v]
    if not differing:
        return
    text = (
        "a run goes on, or is looked at, with the data it was trained on, but this data has "
        f"{', '.join(differing)} other than the run's: pictures it was trained on may now be "
        "counted as test images"
    )
    if other:
        print(f"warning: {text}.", flush=True)
        return
    raise DataError(
        f"{text}; name the old data with data.root=, or take this one with other_data=true where "
        "the command has that setting."
    )


def load(path: str | Path, allow: Sequence[str] = ()) -> VAE:
    """The model of a run, in evaluation mode, on the CPU.

    Nothing is unpickled but tensors and plain values, and nothing is built but classes of
    vae.model.

    Arguments:
        path: A run directory (its best checkpoint is taken, or else its last), a checkpoint, the
            folder of a safetensors export, or hf://USER/NAME (or
            hf://USER/NAME@REVISION) for one on the Hugging Face Hub.
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
    name = str(path).removeprefix("hf://") if str(path).startswith("hf://") else None
    path = path if name is None else fetch(name)
    path = Path(path).expanduser()
    if Path(path).name == WEIGHTS:
        path = Path(path).parent
    if (Path(path) / WEIGHTS).is_file():
        checkpoint = Path(path) / WEIGHTS
        card, kept = read(Path(path))
        content = {"state_dict": {f"model.{k}": v for k, v in kept.items()}}
    else:
        checkpoint = find_checkpoint(Path(path))
        content = checkpoints.read(checkpoint)
        card = content.get("vae") if isinstance(content, dict) else None
    if not isinstance(card, dict) or not {"config", "event_shape"} <= set(card):
        raise RunError(
            f"a checkpoint of this package carries the config that rebuilds it, but {checkpoint} "
            "has none; give one that python -m vae.train wrote."
        )
    config = card["config"]
    if not isinstance(config, dict) or (missing := sorted(NEEDED - set(config))):
        what = "no settings" if not isinstance(config, dict) else f"no {', '.join(missing)}"
        raise RunError(
            f"the config that a checkpoint carries holds {', '.join(sorted(NEEDED))}, but that of "
            f"{checkpoint} has {what}; give an undamaged one."
        )
    config = upgraded(config)
    try:
        event_shape = tuple(int(n) for n in card["event_shape"])
        prefix = "model."
        weights: dict[str, Tensor] = {
            k.removeprefix(prefix): v
            for k, v in content["state_dict"].items()
            if k.startswith(prefix)
        }
        bad = [k for k, v in weights.items() if v.is_floating_point() and not v.isfinite().all()]
        if bad:
            raise RunError(
                f"a model has finite weights, but those of {checkpoint} are not ({bad[0]}); give "
                "an undamaged one."
            )
        with budget(weights):
            model = build_model({**config, "allow": list(allow)}, event_shape)
        model.load_state_dict(weights)
        data = dict(card.get("data") or {})
    except VAEError:
        raise
    except (*DAMAGED, RecursionError, MemoryError) as e:
        raise RunError(
            f"a checkpoint's config and weights must fit together, but those of {checkpoint} do "
            f"not ({one_line(e)}); give an undamaged one."
        ) from e
    home = checkpoint.parent
    directory = home.parent if home.name == "checkpoints" else home
    if name is not None:
        # what commands make of it does not belong in the Hub's cache
        directory = Path("outputs", "hub", name)
    return Run(model.eval(), config, event_shape, checkpoint, directory, tuple(allow), data)
