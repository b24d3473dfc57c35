"""Deterministic schedules: real files, real replicas and fronts in one process, and the test between them."""
