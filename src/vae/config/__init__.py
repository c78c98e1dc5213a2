"""A config becomes objects: groups and options, settings, instantiation, pairings."""
