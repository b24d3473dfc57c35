"""An ASGI server's requests for Django: bodies are read whole on the event loop, views run in threads."""
