"""Faults, the scenarios they strike in, and plans: one fault at one place of one scenario."""
