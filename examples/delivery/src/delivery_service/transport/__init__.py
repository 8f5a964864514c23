"""How others reach this service, and it them."""
