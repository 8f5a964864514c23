"""Plans against the engine alone, in a model of a cluster: thousands of them take seconds."""
