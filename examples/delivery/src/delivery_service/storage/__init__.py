"""Where deliveries and couriers are kept."""
