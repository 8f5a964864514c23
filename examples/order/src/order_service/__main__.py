"""`python -m order_service` is the same as `order`."""

from order_service.cli import main

main()
