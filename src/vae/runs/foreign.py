"""Whom this machine talks to is never decided by the settings of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from vae.config.nested import flat
from vae.errors import ConfigError
from vae.runs.places import packaged_mirrors

# settings of loggers that say to which host things go, and with which key
LOGGERS, HOSTS = "vae.training.loggers.", ("settings", "base_url", "host", "api_key")


def without_hosts(config: Mapping[str, Any], given: Sequence[str]) -> dict[str, Any]:
    """The settings of a run without the hosts that they name.

    A host comes from the command that a person types, never from a file: a tampered config.yaml
    could send keys and data anywhere.

    Arguments:
        config: The run's settings.
        given: The names of the settings that the command sets itself.

    Raises:
        ConfigError: If a setting beside these names a host, or a logger is not of this package.
    """
    found = dict(config)
    loggers = {} if "logger" in given else dict(found.get("logger") or {})
    for name, node in loggers.items():
        if not isinstance(node, Mapping):
            continue
        target = str(node.get("_target_", ""))
        if not target.startswith(LOGGERS):
            raise ConfigError(
                "a run's config.yaml may name loggers of vae alone, since others may send data "
                f"anywhere, got {target}; add logger= to the command."
            )
        loggers[name] = {k: v for k, v in node.items() if k not in HOSTS}
    found["logger"] = loggers
    data = dict(found["data"])
    if "mirrors" in (data.get("source") or {}):
        data["source"] = {**data["source"], "mirrors": packaged_mirrors(data["source"])}
    found["data"] = data
    # a logger's notes may name any page
    others = {k: v for k, v in found.items() if k not in ("data", "logger")}
    for key, value in flat(others).items():
        words = value if isinstance(value, list) else [value]
        if key not in given and any(isinstance(w, str) and "://" in w for w in words):
            raise ConfigError(
                f"hosts come from the command, never from a run's config.yaml, got {key}={value}; "
                f"add {key}= and its value to the command if it is yours."
            )
    return found
