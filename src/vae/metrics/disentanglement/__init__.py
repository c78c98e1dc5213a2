"""Scores of how codes keep factors of variation apart, each under its protocol's name."""
