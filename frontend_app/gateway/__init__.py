"""The ASGI application of a front: an event loop for what is quick, threads for the rest."""
