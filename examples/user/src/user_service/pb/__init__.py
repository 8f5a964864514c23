"""Generated from proto/user_service.proto by `make proto`; not edited by hand."""
