"""One module for each command; `delivery_operator.cli.app` names them."""
