"""What pooling, prepared statements and batches are worth: the service with and without them, side by side."""
