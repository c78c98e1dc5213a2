"""The Python API: what the commands do, from a notebook or a script."""
