"""Which extra a launcher or a sweeper needs."""

from vae.errors import needs_extra

EXTRAS = {
    "hydra_joblib_launcher": "joblib",
    "hydra_submitit_launcher": "submitit",
    "vae_ray": "ray",
    "vae_optuna": "optuna",
}


def missing(error: BaseException) -> str | None:
    """A sentence for a launcher or sweeper that is not installed; None for any other error.

    Arguments:
        error: What Hydra raised.
    """
    text = str(error)
    told = "Unknown plugin class" in text or "IS THE PLUGIN INSTALLED" in text
    names = [n for n in EXTRAS if n in text] if told else []
    if isinstance(error, ModuleNotFoundError) and error.name in ("ray", "optuna"):
        names = [f"vae_{error.name}"]
    if not names:
        return None
    extra = EXTRAS[names[0]]
    return str(needs_extra("a launcher or sweeper", extra, extra))
