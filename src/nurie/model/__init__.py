"""The network: found, run, and asked which reference a place belongs to."""
