"""What services that keep something in Redis do alike."""
