"""Where a run's data lies now, which may not be where it lay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vae.config.groups import config_dir
from vae.errors import ConfigError


def relocated(data: Mapping[str, Any], root: str) -> dict[str, Any]:
    """A run's data settings with the place of the data replaced.

    Arguments:
        data: The settings under data.
        root: Where it lies now: the folder, or the file of data=arrays or the folder it is in.

    Raises:
        ConfigError: If the data comes with a package.
    """
    # a class of the user's may have its place in its own settings
    source = dict(data["source"])
    node = data if "root" in data else source
    name = next((word for word in ("root", "path") if word in node), None)
    if name is None:
        raise ConfigError(
            "data.root= says where a run's data lies now, but this run's comes with a package "
            f"({source['_target_'].rpartition('.')[2]}), got {root}; leave it out."
        )
    place = Path(root).expanduser()
    if (file := Path(str(node[name]))).suffix in (".npy", ".npz") and place.is_dir():
        place = place / file.name
    known = {word: str(place) for word in ("root", "path") if word in data}
    moved = {word: str(place) for word in ("root", "path") if word in source}
    return {**data, **known, "source": {**source, **moved}}


def packaged_mirrors(source: Mapping[str, Any]) -> list[str]:
    """The hosts that this package itself downloads a source from: no config of a run names any."""
    path = config_dir() / "data" / f"{str(source['_target_']).split('.')[-2]}.yaml"
    known = yaml.safe_load(path.read_text()) if path.is_file() else {}
    mirrors: list[str] = known.get("source", {}).get("mirrors", [])
    return mirrors
