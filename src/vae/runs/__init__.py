"""Run directories: whose they are, and what they hold."""
