# MVCGC's first stage, RGB and motion vectors each alone: our head and its queues on two of mmaction2's networks.
_base_ = [
    'mmaction::_base_/default_runtime.py',
    'mmaction::_base_/schedules/adam_20e.py',
    '_base_/motion_primitives.py',
]
custom_imports = dict(imports=['ssvrl_mm'], allow_failed_imports=False)

resnet = dict(
    type='ResNet3d',
    depth=18,
    base_channels=16,  # 64 for the whole network
    pretrained=None,
    pretrained2d=False,
    with_pool1=False,
    with_pool2=False,
    temporal_strides=(1, 2, 2, 2),
)
model = dict(
    type='Recognizer3D',
    # The streams lie side by side in the channels of the one tensor that a Recognizer3D takes.
    data_preprocessor=dict(
        type='ssvrl_mm.StackedStreamsPreprocessor',
        streams=('rgb', 'motion'),
        motion=dict(clip=1.0),  # px per frame; 20 for ordinary videos
    ),
    backbone=dict(
        type='ssvrl_mm.StackedStreamsBackbone',
        backbones=dict(rgb=resnet, motion=dict(resnet, in_channels=2)),
        channels=dict(rgb=3, motion=2),
    ),
    cls_head=dict(
        type='ssvrl_mm.MVCGCHead',
        stage='init',
        projector=dict(
            type='ProjectionHead', in_channels=128, hidden_channels=128, out_channels=64
        ),
        criterion=dict(type='InfoNCELoss', temperature=0.07),
        queue_length=128,  # below the number of training videos
        k=5,
    ),
)

train_pipeline = [
    dict(type='ssvrl_mm.OpenCompressedVideo'),
    dict(type='ssvrl_mm.SampleClips', clip_len=16, num_clips=2),
    dict(type='ssvrl_mm.ClipRandomResizedCrop', size=56, area_range=(0.5, 1.0)),
    # dict(type='ssvrl_mm.ClipFlip') where left and right mean the same.
    dict(type='ssvrl_mm.DecodeCompressedVideo'),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
val_pipeline = [
    dict(type='ssvrl_mm.OpenCompressedVideo'),
    dict(type='ssvrl_mm.SampleClips', clip_len=16, num_clips=2, test_mode=True),
    dict(type='ssvrl_mm.ClipResize', short_side=56),
    dict(type='ssvrl_mm.ClipCenterCrop', size=56),
    dict(type='ssvrl_mm.DecodeCompressedVideo'),
    dict(type='ssvrl_mm.PackSSLInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
# Retrieval: test videos look for training videos of their class, which takes both lists.
val_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='ssvrl_mm.RetrievalDataset',
        data_root=_base_.data_root,
        data_prefix=dict(video='videos'),
        gallery=dict(ann_file='train_list.txt'),
        query=dict(ann_file='test_list.txt'),
        pipeline=val_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(type='ssvrl_mm.VideoRetrieval', topk=(1, 5))
test_evaluator = val_evaluator

train_cfg = dict(val_interval=5)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
