"""Where a run's data lies now, which may not be where it lay."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from vae.errors import ConfigError


def relocated(data: Mapping[str, Any], root: str) -> dict[str, Any]:
    """A run's data settings with the place of the data replaced.

    Arguments:
        data: The settings under data.
        root: Where it lies now: the folder, or the file of data=arrays or the folder it is in.

    Raises:
        ConfigError: If the data comes with a package.
    """
    source = dict(data["source"])
    name = next((word for word in ("root", "path") if word in source), None)
    if name is None:
        raise ConfigError(
            "data.root= says where a run's data lies now, but this run's comes with a package "
            f"({source['_target_'].rpartition('.')[2]}), got {root}; leave it out."
        )
    place = Path(root).expanduser()
    if (file := Path(str(source[name]))).suffix in (".npy", ".npz") and place.is_dir():
        place = place / file.name
    source[name] = str(place)
    known = {word: str(place) for word in ("root", "path") if word in data}
    return {**data, **known, "source": source}


def packaged_mirrors(source: Mapping[str, Any]) -> list[str]:
    """The hosts that this package itself downloads a source from: no config of a run names any."""
    from vae.argv import config_dir

    path = config_dir() / "data" / f"{str(source['_target_']).split('.')[-2]}.yaml"
    known = yaml.safe_load(path.read_text()) if path.is_file() else {}
    mirrors: list[str] = known.get("source", {}).get("mirrors", [])
    return mirrors
