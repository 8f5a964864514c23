"""The order service: creates and tracks orders."""

SERVICE = "order_service"
