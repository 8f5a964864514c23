"""MongoDB, for services that ask for the extra `mongo`."""
