"""A choice on the command line in the place of an experiment's own, whose settings then go."""

import os
import sys
from collections.abc import Iterator
from functools import cache, wraps

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import IConfigRepository
from hydra._internal.defaults_list import Overrides
from hydra.core.default_element import ConfigDefault, GroupDefault
from omegaconf import DictConfig, OmegaConf, open_dict

from vae.config.groups import PACKAGES


def allow_swaps() -> None:
    """Have Hydra leave out what an experiment says of a choice that the command line replaces.

    Hydra has no hook between composing a config and showing it, so its own two methods are
    wrapped, once. `tests/cli/test_swaps.py` tells when one of them is gone.
    """
    if hasattr(ConfigLoaderImpl.load_configuration, "__wrapped__"):
        return
    load, ensure = ConfigLoaderImpl.load_configuration, Overrides.ensure_overrides_used

    @wraps(load)
    def load_configuration(self, *args, **kwargs) -> DictConfig:  # type: ignore[no-untyped-def]
        config = load(self, *args, **kwargs)
        _leave_out(config, self.repository)
        return config

    @wraps(ensure)
    def ensure_overrides_used(self: Overrides) -> None:
        given = [k for k, meta in self.override_metadata.items() if meta.external_override]
        for group, meta in self.override_metadata.items():
            if not meta.external_override and any(group.startswith(f"{k}/") for k in given):
                # the choice in place of the experiment's has no such part
                meta.used = True
        ensure(self)

    ConfigLoaderImpl.load_configuration = load_configuration  # type: ignore[method-assign]
    Overrides.ensure_overrides_used = ensure_overrides_used  # type: ignore[method-assign]


def _leave_out(config: DictConfig, repository: IConfigRepository) -> None:
    """Remove the settings that an experiment has for a choice and the one given instead lacks."""
    choices = config.hydra.runtime.choices
    if not choices.get("experiment"):
        return
    words = [word.lstrip("+~").partition("=") for word in config.hydra.overrides.task]
    names = [name for name, _, _ in words]
    for group, _, option in words:
        # of a sweep's words, one is chosen later
        if group not in PACKAGES or choices.get(group) != option:
            continue
        place = group.replace("/", ".")
        node = OmegaConf.select(config, place)
        if not isinstance(node, DictConfig):
            continue
        own = set(_settings(repository, group, option))
        kept = [
            key
            for key in map(str, node)
            if key in own or f"{group}/{key}" in choices or _given(f"{place}.{key}", names)
        ]
        left = [key for key in map(str, node) if key not in kept]
        with open_dict(node):
            for key in left:
                del node[key]
        if left:
            what = ", ".join(f"{place}.{key}" for key in left)
            _tell(
                f"note: {group}={option} has no {what}, which experiment={choices['experiment']} "
                "sets; left out"
            )


@cache
def _tell(note: str) -> None:
    """Print a note once: Hydra composes a job's config more than once."""
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(note, file=sys.stderr)


def _given(place: str, names: list[str]) -> bool:
    return any(name == place or name.startswith(f"{place}.") for name in names)


def _settings(repository: IConfigRepository, group: str, option: str) -> Iterator[str]:
    """The settings in an option's file, and in those it builds on."""
    found = repository.load_config(f"{group}/{option}")
    if found is None:
        return
    yield from map(str, found.config)
    for default in found.defaults_list or ():
        if isinstance(default, GroupDefault) and default.group:
            yield default.group
        elif isinstance(default, ConfigDefault) and default.path not in (None, "_self_"):
            yield from _settings(repository, group, str(default.path))
