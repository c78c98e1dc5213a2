"""Templates to self-contained pages."""

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from vae import files
from vae.reporting.tables import label


def write(path: Path, template: str, **values: Any) -> None:
    """Write a page whose pictures and styles are inside.

    Arguments:
        path: Where.
        template: Its template's name, in the folder templates.
        values: What the template shows; everything is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "label": label}
    text = environment.get_template(template).render(**values)
    files.write(path, text.encode("utf-8", "backslashreplace"))


def picture(source: Path | Figure) -> str:
    """A picture as an address that holds the picture itself.

    Arguments:
        source: A PNG file, or a figure.
    """
    if isinstance(source, Figure):
        buffer = io.BytesIO()
        source.savefig(buffer, format="png", dpi=100)
        content = buffer.getvalue()
    else:
        content = source.read_bytes()
    return "data:image/png;base64," + base64.b64encode(content).decode()


def number(value: Any, digits: int = 2) -> str:
    """A number as a table shows it; a dash where there is none."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
