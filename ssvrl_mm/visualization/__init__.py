"""Pictures: videos and their motion, where a clip moves most, views, searches, features."""

from ssvrl_mm.visualization.animation import AnimationError, is_animation, write_animation
from ssvrl_mm.visualization.embedding import COLOURS, Embedded, draw_embeddings, embed
from ssvrl_mm.visualization.motion import colour_wheel, draw_colours, draw_motion
from ssvrl_mm.visualization.motion_scores import draw_motion_scores
from ssvrl_mm.visualization.pictures import PictureError, check_picture, write_picture
from ssvrl_mm.visualization.pmsp import draw_pmsp
from ssvrl_mm.visualization.retrieval import Shown, draw_retrieval
from ssvrl_mm.visualization.video_picture import VideoPicture
from ssvrl_mm.visualization.views import draw_views

__all__ = [
    'COLOURS',
    'AnimationError',
    'Embedded',
    'PictureError',
    'Shown',
    'VideoPicture',
    'check_picture',
    'colour_wheel',
    'draw_colours',
    'draw_embeddings',
    'draw_motion',
    'draw_motion_scores',
    'draw_pmsp',
    'draw_retrieval',
    'draw_views',
    'embed',
    'is_animation',
    'write_animation',
    'write_picture',
]
