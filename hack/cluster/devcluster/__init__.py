"""A Kubernetes cluster on this machine, from one of several providers, for development and tests."""
