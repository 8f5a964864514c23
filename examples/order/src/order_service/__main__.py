"""`python -m order_service` is the service's program too."""

from order_service.cli import main

main()
