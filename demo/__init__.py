"""`make demo`: what the store promises, shown step by step on a store of its own, with its real rows and times."""
