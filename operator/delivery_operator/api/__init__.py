"""The API: what a user may write and what the operator answers, as pydantic models, and the CRDs made of them.

Knows nothing of rendering, of decisions or of a cluster.
"""
