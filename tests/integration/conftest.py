"""Sites for the tests against a real API server."""

from tests.support.sites import extended_kube, extended_site, kube, open_site, site

__all__ = ["extended_kube", "extended_site", "kube", "open_site", "site"]
