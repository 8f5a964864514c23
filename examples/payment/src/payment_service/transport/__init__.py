"""Transport: HTTP in, Stripe and the order service out."""
