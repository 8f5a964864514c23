"""`make demo`: from nothing to a real gRPC call to a service that the operator released.

Every step is safe to repeat: a second run finds what is there and changes what is out of date.
"""
