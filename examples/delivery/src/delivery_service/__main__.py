"""`python -m delivery_service` is the same as `delivery`."""

from delivery_service.cli import main

main()
