"""The cluster page's picture: what is drawn, what is told to whoever watches, and how (DESIGN.md)."""
