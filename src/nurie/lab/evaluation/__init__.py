"""Named evaluation protocols: fixed lists, rendering and scores, with the trivial answers beside every model."""
