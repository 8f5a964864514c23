"""Everything that touches the cluster: connection, requests, the store of what was seen, and carrying out a plan.

Does I/O and decides nothing: what should be is the engine's.
"""
