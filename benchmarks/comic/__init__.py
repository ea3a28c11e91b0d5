"""Comic pages with exact truth: how they are laid out and drawn, and the scores of one that was coloured.

``pages.make_page`` puts them together; ``truth``, ``layouts``, ``sheet``, ``cast``, ``contents`` and ``balloons`` are
its parts, each importing only those before it.
"""
