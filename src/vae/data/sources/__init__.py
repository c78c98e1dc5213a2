"""Where images come from: one file, one config and one word each."""
