"""What things cost: measurements to look at, not tests."""
