"""Transport: the only layer that speaks JSON, SMTP and gRPC."""
