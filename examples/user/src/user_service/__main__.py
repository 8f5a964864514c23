"""`python -m user_service` is the same as `user`."""

from user_service.cli import main

main()
