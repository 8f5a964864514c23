"""What the shop calls and does not own, for clusters that are without it."""
