"""`make demo`: from nothing to an order that is paid and on its way, by services that the operator released.

Every step is safe to repeat: a second run finds what is there and changes what is out of date.
"""
