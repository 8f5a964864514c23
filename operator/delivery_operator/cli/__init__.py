"""`kubectl delivery`: the command line for developers and for whoever is on call.

Commands that need no cluster import no HTTP client; each command's module is imported only when it is called.
"""
