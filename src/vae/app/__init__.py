"""A trained run in the browser."""
