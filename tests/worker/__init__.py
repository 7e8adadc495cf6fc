"""Workers, from their smallest parts to real processes under a real supervisor."""
