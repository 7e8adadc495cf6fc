"""Plugins: finding, loading, observing."""
