"""`python -m notification_service` is the service's program too."""

from notification_service.cli import main

main()
