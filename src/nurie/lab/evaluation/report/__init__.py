"""The quality report: one model, many kinds of drawings and references, scored beside its rivals and shown.

A *section* is a kind of drawing and reference with a sentence that defines it (``sections``); it gives *cases*
(``cases``), which every *answer* (``answers``) colors and a *judge* (``judges``) scores.
"""
