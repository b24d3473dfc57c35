"""Faults at random against a real store, and the proof that no answer of it was wrong: `make chaos`."""
