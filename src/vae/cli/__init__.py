"""The one room that knows Hydra: running a command, its words, help, errors and sweeps."""
