"""What happens inside a network: gradient conflict, spectra, attention maps, and their figures.

Nothing is imported here, so that the command line finds the commands without PyTorch and Matplotlib.
"""
