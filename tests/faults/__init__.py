"""What may go wrong on one machine, and the proof that nothing is lost: see `scenario.py`."""
