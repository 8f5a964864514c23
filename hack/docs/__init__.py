"""Writes docs/reference out of the code: each fact has one owner, and the page is generated from it."""
