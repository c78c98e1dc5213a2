"""A trained run served to browsers."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from vae.errors import needs_extra


def serve(config: dict[str, Any], block: bool = True) -> Any:
    """Open a run and serve its page.

    Arguments:
        config: What `compose(..., name="app")` gives.
        block: Whether to wait until it is stopped.

    Returns:
        The page.

    Raises:
        ConfigError: If the config makes no sense, or gradio is not installed.
        RunError: If there is no such run or index.
    """
    from vae.config.check import check
    from vae.runs.opened import open_run
    from vae.runs.process import prepare

    check(config, "app")
    prepare()
    opened = open_run(config["run"], config["allow"])
    # no news of use, no fonts and no versions asked of any server
    os.environ |= {"GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    if "gradio" not in sys.modules:
        # it looks once, when it is imported
        os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="vae-app-"))
    try:
        import gradio as gr
        from gradio.utils import get_upload_folder
    except ImportError as e:
        raise needs_extra("the app", "gradio", "app") from e
    from starlette.middleware import Middleware

    from vae.app.demo import Demo
    from vae.app.guard import Guard, allowed_hosts
    from vae.app.page import interface
    from vae.search.store import Index

    folder = Path(config["index"] or opened.directory / "index").expanduser()
    index = None
    if config["index"] or (folder / "index.json").is_file():
        index = Index(folder, config["allow"], config["url"])
        index.check_model(opened.key)
    pixels = config["max_megapixels"] * 1_000_000
    demo = Demo(opened, index, config["data"]["root"], pixels)
    page = interface(demo, opened.config["name"])
    guard = Middleware(
        Guard,
        hosts=allowed_hosts(config["host"]),
        folder=Path(get_upload_folder()),
        most=config["max_uploads"] * config["max_megabytes"] * 1_000_000,
    )
    page.queue(default_concurrency_limit=2, max_size=100)
    fonts: Any = {"font": ["system-ui", "sans-serif"], "font_mono": ["monospace"]}
    page.launch(
        server_name=config["host"],
        server_port=config["port"],
        max_file_size=f"{config['max_megabytes']}mb",
        theme=gr.themes.Default(**fonts),
        footer_links=[],
        quiet=True,
        prevent_thread_lock=True,
        ssr_mode=False,
        app_kwargs={"middleware": [guard]},
    )
    print(f"the app: http://{config['host']}:{config['port']} (Ctrl-C ends it)", flush=True)
    if block:
        page.block_thread()
    return page
