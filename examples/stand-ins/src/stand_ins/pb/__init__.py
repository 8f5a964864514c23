"""Generated from the contract beside the order service's, by `make proto`."""
