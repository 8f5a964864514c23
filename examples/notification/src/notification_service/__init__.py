"""The notification service: tells users by e-mail what happens to their orders, each thing once."""

SERVICE = "notification_service"
