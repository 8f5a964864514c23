"""Generated from ../user/proto/ by `make proto`; not edited by hand."""
