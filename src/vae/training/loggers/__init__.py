"""Where metrics go: one file for each word of logger=."""
