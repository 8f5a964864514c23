"""`python -m delivery_service` is the service's program too."""

from delivery_service.cli import main

main()
