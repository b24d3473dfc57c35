"""What nodes and clients say to one another: headers, errors, tokens, HTTP calls, health."""
