"""Storage: the only layer that speaks to MongoDB and Redis."""
