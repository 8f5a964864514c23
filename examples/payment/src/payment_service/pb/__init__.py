"""Generated from ../order/proto/ by `make proto`; not edited by hand."""
