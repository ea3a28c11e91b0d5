"""Fusion modules: where line art features and reference features become one map.

Every module is registered by name and built from keyword settings; see ``base`` for the interface.
"""

from nurie.lab.models.fusion.base import FUSIONS, Branch, Fusion, FusionOutput, ReferenceFeatures, ReferenceTokens
from nurie.lab.models.fusion.scft import SCFT
from nurie.lab.models.fusion.sga import SGA, AlignedSGA, SGABlock, double_normalize

__all__ = [
    "FUSIONS",
    "SCFT",
    "SGA",
    "AlignedSGA",
    "Branch",
    "Fusion",
    "FusionOutput",
    "ReferenceFeatures",
    "ReferenceTokens",
    "SGABlock",
    "double_normalize",
]
