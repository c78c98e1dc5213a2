"""A model in forms that others read: one file for each word of format=."""
