"""How a network is trained: the module, its losses, callbacks and validation."""
