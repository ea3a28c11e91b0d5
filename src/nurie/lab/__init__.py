"""Research half of Nurie: the paper, its rivals, training and evaluation (needs the extra `lab`)."""
