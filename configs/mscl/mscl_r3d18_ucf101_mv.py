# MSCL on UCF101 with R3D-18, motion vectors in the place of flow.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/ucf101_mscl.py',
    '../_base_/datasets/ucf101_mscl_retrieval.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

model = dict(average_clips=False)
sample_motion = dict(
    _base_.sample_motion, scores_root='motion_scores/vectors_8', flow_method='vectors'
)
# As many vectors as a frame of 240 px has of them.
read_clips = [
    dict(step, flow_stride=4) if step.type == 'ClipRandomResizedCrop' else step
    for step in _base_.read_clips
]
train_dataloader = dict(
    dataset=dict(
        # Vectors of the 8 frames followed along their paths.
        reader_options=dict(_delete_=True, motion='codec', flow_method='vectors', flow_span=8),
        pipeline=[_base_.open_video, sample_motion, *read_clips],
    )
)

max_epochs = 600
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=max_epochs, by_epoch=True, convert_to_iter_based=True)
]
