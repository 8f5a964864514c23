"""What services that hand work over by RabbitMQ, or take it from there, do alike."""
