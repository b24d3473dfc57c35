"""The report: what the store does, measured, drawn, and written down with its conditions. `make report`."""
