"""What services that write to Kafka, or read from it, do alike."""
