"""The running operator: kopf for the watches, a work queue, metrics, logs, probes and settings around one reconcile."""
