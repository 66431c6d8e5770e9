"""All layouts that can be converted."""

from ssvrl_mm.models.conversion import coclr, context_motion, mmaction2, torchvision
from ssvrl_mm.models.conversion.layout import Layout

LAYOUTS: tuple[Layout, ...] = (
    *torchvision.LAYOUTS,
    *coclr.LAYOUTS,
    *mmaction2.LAYOUTS,
    *context_motion.LAYOUTS,
)
