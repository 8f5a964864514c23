"""The payment service: takes payments for orders."""

SERVICE = "payment_service"
