"""`python -m payment_service` is the service's program too."""

from payment_service.cli import main

main()
