"""Generated from proto/order_service.proto by `make proto`; not edited by hand."""
