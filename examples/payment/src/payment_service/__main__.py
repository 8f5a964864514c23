"""`python -m payment_service` is the same as `payment`."""

from payment_service.cli import main

main()
