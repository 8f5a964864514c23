"""What services that answer or make HTTP requests do alike."""
