"""The drawings of docs/how-it-works.md, made from a store that runs: `python -m tests.drawings`."""
