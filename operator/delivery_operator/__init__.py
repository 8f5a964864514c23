"""The delivery operator: one DeliveryService object becomes a running twelve-factor service."""

__version__ = "0.1.0"
