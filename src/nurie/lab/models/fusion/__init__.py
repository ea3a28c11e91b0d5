"""Fusion modules: where line art features and reference features become one map.

Every module is registered by name and built from keyword settings; see ``base`` for the interface.
"""

from nurie.lab.models.fusion.base import FUSIONS, Branch, Fusion, FusionOutput, ReferenceFeatures, ReferenceTokens
from nurie.lab.models.fusion.cmft import CMFT
from nurie.lab.models.fusion.cocosnet import CoCosNet
from nurie.lab.models.fusion.scft import SCFT
from nurie.lab.models.fusion.sga import SGA, AlignedSGA, SGABlock, double_normalize
from nurie.lab.models.fusion.spade import SPADE
from nurie.lab.models.fusion.transport import sinkhorn_plan
from nurie.lab.models.fusion.unite import UNITE

__all__ = [
    "CMFT",
    "FUSIONS",
    "SCFT",
    "SGA",
    "SPADE",
    "UNITE",
    "AlignedSGA",
    "Branch",
    "CoCosNet",
    "Fusion",
    "FusionOutput",
    "ReferenceFeatures",
    "ReferenceTokens",
    "SGABlock",
    "double_normalize",
    "sinkhorn_plan",
]
