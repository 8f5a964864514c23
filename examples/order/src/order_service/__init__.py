"""The order service: creates and tracks orders."""
