"""Settings that no class checks: the types of each command's own."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from vae.errors import ConfigError
from vae.make import convert
from vae.nested import flat

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]

EVALUATION = {
    "num_samples": Count,
    "memory": Annotated[float, Field(ge=1)],
    "surgery": Count,
    "probe": Count,
    "fid": Count,
    "finetune": Count,
    "finetune_steps": Positive,
}
TRAIN = {
    "seed": Seed,
    "allow": list[str],
    "resume": str | bool | None,
    "compile": bool,
    "threads": Positive | None,
    "model.latent_dim": Positive,
    "model.output_bias": Literal["data", "zero"],
} | {f"evaluate.{name}": hint for name, hint in EVALUATION.items()}
RUN = {
    "run": str,
    "out": str | None,
    "data_root": str | None,
    "seed": Seed,
    "allow": list[str],
}
EVALUATE = RUN | {"pictures": Count} | EVALUATION
GENERATE = RUN | {
    "what": Literal["samples", "reconstructions", "interpolation", "traversal", "manifold"],
    "count": Positive,
    "split": Literal["train", "val", "test"],
}
INDEX = {
    "run": str | None,
    "index": str | None,
    "root": str | None,
    "split": Literal["train", "val", "test"],
    "distance": Literal["euclidean", "cosine", "wasserstein"],
    "remove": list[str | int],
    "data_root": str | None,
    "allow": list[str],
}
QUERY = {
    "index": str,
    "image": str | list[str],
    "k": Positive,
    "label": str | int | None,
    "out": str | None,
    "allow": list[str],
}
EXPORT = {
    "run": str,
    "format": Literal["safetensors", "torch_export", "onnx"],
    "out": str | None,
    "push": str | None,
    "allow": list[str],
}
APP = {
    "run": str,
    "index": str | None,
    "host": str,
    "port": Annotated[int, Field(ge=1, le=65535)],
    "max_megabytes": Positive,
    "max_megapixels": Positive,
    "data_root": str | None,
    "allow": list[str],
}
FIT_PRIOR = RUN | {"examples": Positive}
# the fewest that a measure needs
FEWEST = {"fid": 100, "probe": 10}


def check(config: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """Refuse a setting of the wrong type.

    Arguments:
        config: The whole config.
        hints: The types, by the settings' dotted names.

    Raises:
        ConfigError: If there is one.
    """
    for where, value in flat(config).items():
        if value == "???":
            raise ConfigError(f"{where} must be set, got nothing; add {where}= and its value.")
    for where, hint in hints.items():
        value = config
        for key in where.split("."):
            if not isinstance(value, Mapping) or key not in value:
                raise ConfigError(f"{where} must be set, got nothing; leave it in the config.")
            value = value[key]
        convert(value, hint, where)
    node = config.get("evaluate", config)
    for name, least in FEWEST.items():
        if 0 < node.get(name, 0) < least:
            raise ConfigError(
                f"{name} needs at least {least} images, or 0 for none, got {node[name]}; set it so."
            )
    if node.get("finetune") and not node["num_samples"]:
        raise ConfigError(
            "finetune estimates log p(x) with num_samples samples, got num_samples=0; set it to 1 "
            "or more, or finetune=0."
        )
    for part, node in config.get("model", {}).items():
        if part not in ("latent_dim", "output_bias") and not isinstance(node, Mapping):
            raise ConfigError(
                f"model.{part} is a group of settings, got {node}; choose one with "
                f"model/{part}={node}."
            )
