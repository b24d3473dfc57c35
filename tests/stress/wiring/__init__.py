"""A folder for PYTHONPATH: Python imports its `sitecustomize` by itself, in every process of a store under stress."""
