"""Answers that are kept: the LRU, and what makes sure that none of them is stale."""
