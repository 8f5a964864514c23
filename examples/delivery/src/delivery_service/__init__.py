"""The delivery service: gives each paid order a courier, and follows it to the door."""

SERVICE = "delivery_service"
