"""The user service: keeps users, and knows who is logged in."""

SERVICE = "user_service"
