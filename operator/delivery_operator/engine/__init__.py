"""Pure decisions: a snapshot of the world in, a plan of writes out.

Start with `decide`: it is the release state machine, whole. The other modules are one concern each. Nothing here does
I/O, knows kopf or a Kubernetes client, or asks for the time: the snapshot carries it.
"""
