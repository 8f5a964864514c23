"""Builders and small models of the world, for the unit tests."""
