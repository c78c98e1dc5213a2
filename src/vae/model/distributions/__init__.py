"""Distributions that torch lacks."""
