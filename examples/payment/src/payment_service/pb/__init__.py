"""Generated from the order service's contract, by `make proto`."""
