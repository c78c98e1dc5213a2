"""Completion of the console script in bash and zsh."""

from collections.abc import Sequence

import yaml

from vae.config.check import fields
from vae.config.groups import config_dir, options
from vae.config.settings import COMMANDS

_BASH = """_vae() {
  local word="${COMP_LINE:0:$COMP_POINT}"; word="${word##* }"
  local found; found=$(vae --complete "${COMP_WORDS[1]}" "$word" 2>/dev/null)
  COMPREPLY=($(compgen -W "$found" -- "$word"))
  if [[ "$word" == *=* && "$COMP_WORDBREAKS" == *=* ]]; then
    COMPREPLY=("${COMPREPLY[@]#"${word%"${word##*=}"}"}")
  fi
}
complete -o nospace -F _vae vae"""
SCRIPTS = {
    "bash": _BASH,
    "zsh": "autoload -U +X bashcompinit && bashcompinit\n" + _BASH,
}


def candidates(words: Sequence[str], commands: Sequence[str]) -> list[str]:
    """What may stand where the cursor is.

    Arguments:
        words: The command, and what is typed of the present word.
        commands: The commands there are.
    """
    command, typed = (*words, "", "")[:2]
    if command not in commands:
        return [name for name in commands if name.startswith(command)]
    path = config_dir() / f"{command.replace('.', '/')}.yaml"
    content = yaml.safe_load(path.read_text())
    known = options()
    if command != "train":
        used = [str(k) for d in content.get("defaults", []) if isinstance(d, dict) for k in d]
        known = {g: some for g, some in known.items() if g in {u.strip("/") for u in used}}
    found = [f"{group}={option}" for group, some in known.items() for option in some]
    found += [f"{name}=" for name, _, _ in fields(COMMANDS[command.replace(".", "/")])]
    return sorted(word for word in found if word.startswith(typed))
