"""What a user can get wrong: every message is one sentence with the rule, what came, the remedy."""


class VAEError(Exception):
    """An error the user can put right; commands print it without a traceback and exit with 1."""


class ConfigError(VAEError, ValueError):
    """A setting, or a pairing of settings, that makes no sense."""


class DataError(VAEError, ValueError):
    """Data that is missing, damaged, or outside the support of the likelihood."""


class NonFiniteLoss(VAEError, ArithmeticError):
    """Training produced a NaN or an infinity."""


class RunError(VAEError, ValueError):
    """A run or a checkpoint that is missing, damaged, or not one of ours."""


def printable(text: str) -> str:
    """A text without what a terminal would obey: control characters are shown as escapes.

    Names of files come from strangers.
    """
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text
    )


def one_line(error: BaseException | str, most: int = 200) -> str:
    """An error's text on one line, for use inside a sentence; its kind, if it says nothing.

    Arguments:
        error: The error, or its text.
        most: The number of characters that are kept.
    """
    return " ".join(str(error).split())[:most] or type(error).__name__


def needs_extra(what: str, packages: str, extra: str) -> ConfigError:
    """The error for a package that is not installed.

    Arguments:
        what: What needs it, for instance "engine=faiss".
        packages: The package.
        extra: The extra of this package that brings it.
    """
    return ConfigError(
        f"{what} needs {packages}, which is not installed; pip install 'vae-lab[{extra}]'."
    )
