"""A config becomes a data module and a model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from vae.config.make import convert, locate, make, parameters
from vae.config.moved import SOURCES
from vae.errors import ConfigError
from vae.model.condition import Condition
from vae.model.families.vae import PARTS, VAE

if TYPE_CHECKING:
    from vae.data.module import DataModule

Config = Mapping[str, Any]
NETWORKS = ("encoder", "decoder")
# settings of model that every family has, and none builds
SHARED = ("output_bias", "condition", "context_size", "embedding")
# how users call where the data lies
PLACES = {"root", "path"}


def build_data(config: Config) -> "DataModule":
    """The data module, with pixels as the config's likelihood wants them.

    The settings of the source stand beside those of the data module: what the data module does not
    take is the source's.

    Raises:
        ConfigError: If a setting makes no sense, or there is no such setting.
        DataError: If the data is missing or damaged.
    """
    allow = config["allow"]
    likelihood = locate(config["model"]["likelihood"]["_target_"], allow, ("vae.model.",))
    family = locate(config["model"]["_target_"], allow, ("vae.model.",))
    node, packages = dict(config["data"]), ("vae.data.",)
    source = dict(node.pop("source"))
    module = locate(node["_target_"], allow, packages)
    own = {k: v for k, v in node.items() if k in parameters(module) or k == "_target_"}
    others = {k: v for k, v in node.items() if k not in own}
    if str(source.get("_target_")).startswith(SOURCES):
        source = {**others, **source}
        takes = parameters(locate(source["_target_"], allow, packages))
        if unknown := sorted(set(source) - takes - {"_target_"}):
            known = sorted((parameters(module) - {"source", "support", "seed"}) | takes)
            raise ConfigError(
                f"data has the settings {', '.join(known)}, got {unknown[0]}; rename it, or remove "
                f"it with ~data.{unknown[0]}."
            )
    else:
        # the settings of a class of the user's stand under data.source, and may stand here too
        known = [*source, *(PLACES if PLACES & set(source) else ())]
        own |= {k: v for k, v in others.items() if k not in known}
    data: DataModule = make(
        own,
        "data",
        allow=allow,
        packages=packages,
        source=make(source, "data", allow=allow, packages=packages),
        support=likelihood.support,  # type: ignore[attr-defined]
        seed=config["seed"],
        condition=getattr(family, "context_kind", None) or config["model"].get("condition"),
    )
    return data


def build_model(
    config: Config, event_shape: tuple[int, ...], data: "DataModule | None" = None
) -> VAE:
    """The VAE; every size that follows from the data or from another choice is filled in here.

    Arguments:
        config: The whole config.
        event_shape: The shape of an example.
        data: What the decoder's bias and pseudo-inputs start at; None where weights follow.

    Raises:
        ConfigError: If a part cannot be built, or a network's output has the wrong shape.
    """
    node, allow, packages = config["model"], config["allow"], ("vae.model.",)
    condition = _condition(node, data)
    width = condition.width if condition else 0

    def part(name: str, **sizes: Any) -> Any:
        if name not in node:
            raise ConfigError(f"model.{name} must be set, got nothing; choose model/{name}=.")
        sizes = {"context_dim": width} | sizes
        if name in NETWORKS:
            sizes = {"in_shape": event_shape} | sizes
            _check_takes(node[name], f"model.{name}", bool(sizes["context_dim"]), allow)
        made = make(
            node[name],
            f"model.{name}",
            allow=allow,
            packages=packages,
            event_shape=event_shape,
            examples=data and data.examples,
            **sizes,
        )
        if name in NETWORKS:
            _check_shape(made, name, **sizes)
        return made

    family = locate(node["_target_"], allow, packages)
    if not issubclass(family, VAE):
        raise ConfigError(
            f"model names a family of models as its _target_, got {node['_target_']}; choose one "
            "with model=, or derive yours from vae.model.families.vae.VAE."
        )
    settings = {k: v for k, v in node.items() if k not in (*PARTS, *SHARED)}
    model: VAE = make(
        settings,
        "model",
        allow=allow,
        packages=packages,
        made_by=family.build,
        event_shape=event_shape,
        part=part,
        condition=condition,
    )
    model.condition = condition
    if node.get("output_bias") == "data" and data is not None:
        decoder: Any = model.decoder
        _check_start(decoder, model.likelihood)
        decoder.start_at(model.likelihood.features_at(data.mean()))
    return model


def with_context_size(config: Config, data: "DataModule") -> dict[str, Any]:
    """The config with model.context_size as the data has it, which rebuilds the model without data.

    Raises:
        DataError: If the data has no such context.
    """
    model = config["model"]
    if model.get("condition") is None or model.get("context_size") != "auto":
        return dict(config)
    return {**config, "model": {**model, "context_size": data.context_size()}}


def _condition(node: Config, data: "DataModule | None") -> Condition | None:
    kind = convert(node.get("condition"), Literal["label", "attributes"] | None, "model.condition")
    if kind is None:
        return None
    size = node["context_size"]
    if size == "auto" and data is not None:
        size = data.context_size()
    found: Condition = make(
        {"_target_": "vae.model.condition.Condition", "embedding": node["embedding"]},
        "model",
        kind=kind,
        size=convert(size, int, "model.context_size"),
    )
    return found


def _check_takes(node: Config, where: str, given: bool, allow: Any) -> None:
    """Refuse a network that a context does not reach."""
    network = locate(node["_target_"], allow, ("vae.model.",))
    if given and "context_dim" not in parameters(network):
        raise ConfigError(
            f"with model.condition a network is built with context_dim and called with (x, c), but "
            f"{where} is {network.__name__}, which takes none; add it, or set model.condition=null."
        )


def _check_start(decoder: nn.Module, likelihood: object) -> None:
    for part, method in ((decoder, "start_at"), (likelihood, "features_at")):
        if not hasattr(part, method):
            raise ConfigError(
                f"model.output_bias=data starts the decoder at the data's mean and needs {method}, "
                f"which {type(part).__name__} does not have; set model.output_bias=zero, or add it."
            )


@torch.no_grad()
def _check_shape(
    network: nn.Module,
    name: str,
    context_dim: int,
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
) -> None:
    network.eval()
    context = (torch.zeros(2, context_dim),) if context_dim else ()
    found = tuple(network(torch.zeros(2, *in_shape), *context).shape[1:])
    network.train()
    if found != tuple(out_shape):
        raise ConfigError(
            f"model.{name} must map shape {tuple(in_shape)} to shape {tuple(out_shape)}, but "
            f"{type(network).__name__} gives {found}; use its arguments in_shape and out_shape."
        )
