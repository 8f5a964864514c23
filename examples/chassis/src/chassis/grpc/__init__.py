"""What services that answer or make gRPC calls do alike."""
