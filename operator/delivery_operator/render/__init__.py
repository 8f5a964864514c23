"""Model and templates to manifests: the one renderer behind the controller and the command line.

Pure: the same inputs give byte-identical manifests in every process and on every machine (invariant 9). Knows nothing
of a cluster, of kopf, or of time.
"""
