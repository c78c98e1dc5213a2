"""A config node becomes an object of an allowed class, its arguments checked by type."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

from vae.config.moved import current
from vae.errors import ConfigError, VAEError, one_line

# what a config may name, wherever it came from; a user's own packages are added by `allow`
ALLOWED = ("vae.", "torch.optim.", "lightning.pytorch.")


def locate(target: str, allow: Sequence[str] = (), packages: tuple[str, ...] = ALLOWED) -> type:
    """The class that `target` names.

    Arguments:
        target: The dotted name of a class.
        allow: Names of packages allowed beside `packages`.
        packages: The packages allowed, each with a dot at its end.

    Raises:
        ConfigError: If the class is not of an allowed package, or does not exist.
    """
    if not isinstance(target, str):
        raise ConfigError(
            f"a _target_ must be the name of a class, got {target!r}; write package.module.Class."
        )
    target = current(target)
    allowed = (*packages, *(f"{package.rstrip('.')}." for package in allow))
    if not target.startswith(allowed):
        raise ConfigError(
            f"a _target_ must be of the packages {', '.join(p[:-1] for p in allowed)}, got "
            f"{target}; add your own package with allow=[{target.split('.')[0]}]."
        )
    module, _, name = target.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as e:
        raise ConfigError(
            f"a _target_ must exist, got {target} ({e}); name a class that can be imported."
        ) from e
    if not inspect.isclass(found) or not f"{found.__module__}.".startswith(allowed):
        raise ConfigError(
            f"a _target_ must be a class, named by its own module, got {target}; name it so."
        )
    return found


def make(
    node: Mapping[str, Any],
    where: str,
    *,
    allow: Sequence[str] = (),
    packages: tuple[str, ...] = ALLOWED,
    made_by: Callable[..., Any] | None = None,
    **context: Any,
) -> Any:
    """The object that a config node describes.

    Arguments:
        node: `_target_`, the name of a class, and its arguments; a node inside is made first.
        where: The node's place in the config, for errors.
        allow: Names of packages allowed beside `packages`.
        packages: The packages allowed, each with a dot at its end.
        made_by: What makes it in place of the class itself.
        context: Arguments that follow from other choices and so are not in the config; the class
            gets those it asks for, and so does that of a node inside.

    Raises:
        ConfigError: If the class has no such argument, an argument has the wrong type, or the
            class refuses its value.
    """
    if not isinstance(node, Mapping) or "_target_" not in node:
        raise ConfigError(
            f"{where} must name a class as its _target_, got {node!r}; add {where}._target_=."
        )
    target = made_by or locate(node["_target_"], allow, packages)
    parameters = inspect.signature(target).parameters
    everything, context = context, {k: v for k, v in context.items() if k in parameters}
    given = {
        k: make(v, f"{where}.{k}", allow=allow, packages=packages, **everything)
        if isinstance(v, Mapping) and "_target_" in v
        else v
        for k, v in node.items()
        if k != "_target_"
    }
    arguments = _checked(target, given, where, context)
    try:
        return target(**arguments, **context)
    except VAEError:
        raise
    except Exception as e:
        # whatever a class raises while it is built is about its settings
        raise ConfigError(f"{where} cannot be built: {one_line(e, 2000)}") from e


def parameters(target: type) -> set[str]:
    """The names of what a class takes."""
    return set(inspect.signature(target).parameters)


def _checked(
    target: Callable[..., Any], given: dict[str, Any], where: str, context: Mapping[str, Any]
) -> dict[str, Any]:
    """`given` with every value converted to the type that the class or function asks for."""
    parameters = inspect.signature(target).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    try:
        hints = get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (NameError, TypeError):
        hints = {}
    checked = {}
    for name, value in given.items():
        if name not in parameters and not open_ended:
            known = ", ".join(p for p in parameters if p not in context)
            raise ConfigError(
                f"{where} has the settings {known or 'none'}, got {name}; rename it, or remove it "
                f"with ~{where}.{name}."
            )
        checked[name] = convert(value, hints[name], f"{where}.{name}") if name in hints else value
    missing = [
        name
        for name, p in parameters.items()
        if p.default is p.empty
        and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
        and name not in checked
        and name not in context
    ]
    if missing:
        raise ConfigError(
            f"{where}.{missing[0]} must be set, got nothing; set {where}.{missing[0]}=."
        )
    return checked


def convert(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint`.

    Raises:
        ConfigError: If it is not one; the error names `where`.
    """
    if inspect.isclass(hint) and isinstance(value, hint):
        return value
    members = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and str in members and not {int, float} & set(members):
        # a folder, a file or a run may be named 2019
        return str(value)
    try:
        adapter = TypeAdapter(hint, config=ConfigDict(arbitrary_types_allowed=True))
    except PydanticUserError:
        adapter = TypeAdapter(hint)
    try:
        return adapter.validate_python(value)
    except ValidationError as e:
        raise ConfigError(
            f"{where} must be {words(hint)}, got {value!r}; set for instance "
            f"{where}={example(hint)}."
        ) from e


def words(hint: Any) -> str:
    """A type as a user would say it, for instance "a whole number"."""
    simple = {int: "a whole number", float: "a number", bool: "true or false", str: "a word"}
    if hint in simple:
        return simple[hint]
    if hint is type(None):
        return "null"
    if get_origin(hint) is Annotated:
        base, field = get_args(hint)
        low, *high = field.metadata
        return f"{words(base)} of at least {low.ge}" + "".join(f" and at most {h.le}" for h in high)
    if get_origin(hint) is Literal:
        return " or ".join(map(str, get_args(hint)))
    arguments = list(dict.fromkeys(words(a) for a in get_args(hint) if a is not ...))
    origin = get_origin(hint)
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        return f"a list in which each entry is {' or '.join(arguments)}"
    return " or ".join(arguments) if arguments else getattr(hint, "__name__", str(hint))


def example(hint: Any) -> str:
    """A value of a type, as it is written on the command line."""
    simple = {int: "1", float: "0.5", bool: "true", str: "NAME", type(None): "null"}
    if hint in simple:
        return simple[hint]
    arguments = [a for a in get_args(hint) if a is not ...]
    origin = get_origin(hint)
    if origin is Annotated:
        return f"{arguments[1].metadata[0].ge:g}"
    if origin is Literal:
        return str(arguments[0])
    if inspect.isclass(origin) and issubclass(origin, Sequence):
        count = len(arguments) if origin is tuple and len(get_args(hint)) == len(arguments) else 1
        return f"[{','.join(example(a) for a in arguments[:count])}]"
    return example(arguments[0]) if arguments else getattr(hint, "__name__", str(hint))
