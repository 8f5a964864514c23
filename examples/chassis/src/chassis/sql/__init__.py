"""What services that keep their data in PostgreSQL do alike."""
