"""The promise, with the real command line and real processes."""
