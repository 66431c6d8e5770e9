"""torchvision's ``s3d``, ``r3d_18`` and ``r2plus1d_18``."""

from collections.abc import Mapping

from torch import Tensor

from ssvrl_mm.models.conversion.classifiers import linear_classifier
from ssvrl_mm.models.conversion.layout import Layout, Part
from ssvrl_mm.models.conversion.renaming import rename

# What torchvision calls the layers of S3D: numbers, as the poolings in between count.
_LAYERS = {
    **{'conv_1a': '0', 'conv_2b': '2', 'conv_2c': '3', 'mixed_3b': '5', 'mixed_3c': '6'},
    **{f'mixed_4{letter}': str(8 + place) for place, letter in enumerate('bcdef')},
    **{'mixed_5b': '14', 'mixed_5c': '15'},
}
_WORDS = {**_LAYERS, 'spatial': '0', 'temporal': '1', 'conv': '0', 'bn': '1'}
_S3D = [
    (
        rf'stages\.\d\.({"|".join(_LAYERS)})\.'
        r'((?:branch[0-3]\.(?:[01]\.)?)?(?:(?:spatial|temporal)\.)?(?:conv|bn)\.\w+)',
        r'features.\1.\2',
    )
]
_RESNET = [(r'(?:stem|layer[1-4]\.\d+\.(?:conv[123]|downsample))(?:\.\d){1,2}\.\w+', r'\g<0>')]


def s3d_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of :class:`~ssvrl_mm.models.backbones.s3d.S3D` and of torchvision's ``s3d``."""
    return rename(ours, _S3D, _WORDS, 'S3D without gates')


def resnet_names(ours: Mapping[str, Tensor]) -> dict[str, str]:
    """The names of a video ResNet, which are torchvision's.

    See :class:`~ssvrl_mm.models.backbones.video_resnet.VideoResNet`.
    """
    return rename(ours, _RESNET, {}, 'VideoResNet')


# On the scale of 0 to 255; torchvision's are on that of 0 to 1.
_KINETICS = dict(mean=[110.2008, 100.63983, 95.99475], std=[58.14765, 56.46975, 55.332195])

LAYOUTS = (
    Layout(
        'torchvision',
        's3d',
        Part(dict(type='S3D', norm_eps=1e-3), s3d_names),
        (linear_classifier('classifier.1', 1024, 400, pointwise=True),),
        input=dict(**_KINETICS, clip_len=128, frame_rate=15, size=224),
        bare=True,
        note='scores equal those of torchvision for maps of 2 x 7 x 7 (16 frames of 224 px): '
        'beyond them, it averages over windows',
    ),
    *(
        Layout(
            'torchvision',
            f'{arch}_18',
            Part(dict(type='VideoResNet', arch=arch, depth=18), resnet_names),
            (linear_classifier('fc', 512, 400),),
            input=dict(**_KINETICS, clip_len=16, frame_rate=15, size=112),
            bare=True,
        )
        for arch in ('r3d', 'r2plus1d')
    ),
)
