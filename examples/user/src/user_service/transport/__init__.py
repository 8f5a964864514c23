"""Transport: the only layer that speaks gRPC."""
