"""The paper's tables and figures, each from one command: what is missing is trained, scored and written down."""
