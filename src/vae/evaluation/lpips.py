"""The weights of LPIPS, from files of the user's or from the Hub."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vae.errors import ConfigError, needs_extra, one_line
from vae.metrics.lpips import CHANNELS, LPIPS, STAGES
from vae.runs.exports.safetensors import WEIGHTS, fetch

VGG = [f"features.{number}" for stage in STAGES for number in stage]
LINEAR = [f"lin{n}.model.1.weight" for n in range(len(STAGES))]


def read_lpips(vgg: Any, linear: Any, where: str) -> LPIPS | None:
    """The distance whose weights are in two files.

    Arguments:
        vgg: Of VGG-16, under torchvision's names: a .pth or .safetensors file, or hf://USER/NAME;
            None for no such distance.
        linear: w_l, under the names of the authors' code; None for 1.
        where: Whose settings `vgg` and `lpips` these are.

    Raises:
        ConfigError: If a file is missing, or holds other weights.
    """
    if vgg is None and linear is None:
        return None
    if vgg is None:
        raise ConfigError(
            f"{where}.lpips weighs the features of VGG-16, whose weights are {where}.vgg, got "
            "none; set it to a file, or to hf://timm/vgg16.tv_in1k."
        )
    found = _read(str(vgg), f"{where}.vgg")
    width = [n for n, stage in zip(CHANNELS, STAGES, strict=True) for _ in stage]
    shapes = zip([3, *width[:-1]], width, strict=True)
    wanted = {
        f"{name}.{kind}": (out, into, 3, 3) if kind == "weight" else (out,)
        for name, (into, out) in zip(VGG, shapes, strict=True)
        for kind in ("weight", "bias")
    }
    _check(found, wanted, f"{where}.vgg", "VGG-16, as torchvision and timm name them")
    convolutions = [(found[f"{name}.weight"], found[f"{name}.bias"]) for name in VGG]
    if linear is None:
        return LPIPS(convolutions)
    own = _read(str(linear), f"{where}.lpips")
    sizes = {name: (1, n, 1, 1) for name, n in zip(LINEAR, CHANNELS, strict=True)}
    _check(own, sizes, f"{where}.lpips", "LPIPS's linear layers, as its authors name them")
    return LPIPS(convolutions, [own[name].flatten() for name in LINEAR])


def _read(path: str, where: str) -> Mapping[str, Tensor]:
    if path.startswith("hf://"):
        file = fetch(path.removeprefix("hf://")) / WEIGHTS
    else:
        file = Path(path).expanduser()
    try:
        if file.suffix == ".safetensors":
            try:
                from safetensors.torch import load_file
            except ImportError as e:
                raise needs_extra("a safetensors file", "safetensors", "share") from e
            content: Any = load_file(file)
        else:
            content = torch.load(file, map_location="cpu", weights_only=True)
    except ConfigError:
        raise
    # whatever a file that holds no weights makes its reader raise
    except Exception as e:
        raise ConfigError(
            f"{where} names a file of weights, but {file} cannot be read as one ({one_line(e)}); "
            "give a .pth or .safetensors file."
        ) from e
    return content if isinstance(content, Mapping) else {}


def _check(
    found: Mapping[str, Any], wanted: Mapping[str, tuple[int, ...]], where: str, what: str
) -> None:
    for name, shape in wanted.items():
        value = found.get(name)
        if not isinstance(value, Tensor) or value.shape != shape:
            got = list(value.shape) if isinstance(value, Tensor) else "nothing of that name"
            raise ConfigError(
                f"{where} holds the weights of {what}: {name} with shape {list(shape)}, got {got}; "
                "give their file."
            )
