"""Schemathesis against a whole store: whether schema and validation agree."""
