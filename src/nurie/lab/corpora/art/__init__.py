"""Drawn and painted pictures by many hands, from public repositories.

The pictures are not part of Nurie. A list names each of them (``listing``), a folder holds them (``folder``), and jobs
bring them into a corpus (``jobs``).
"""
