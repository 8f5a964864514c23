"""`python -m user_service` is the service's program too."""

from user_service.cli import main

main()
