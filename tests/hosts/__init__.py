"""Three hosts in network namespaces: `make hosts-test`."""
