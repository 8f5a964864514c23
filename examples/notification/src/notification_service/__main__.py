"""`python -m notification_service` is the same as `notification`."""

from notification_service.cli import main

main()
