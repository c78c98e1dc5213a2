"""An index is asked for what is near a picture."""

from vae.cli.command import compose
from vae.search.find import find as query


def ask(made, picture, *words):
    return query(compose(f"index={made}", f"image={picture}", *words, name="search/query"))
