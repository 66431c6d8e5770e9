# MSCL on Kinetics-400 with R3D-18, motion vectors in the place of flow.
_base_ = [
    '../_base_/models/mscl_r3d18.py',
    '../_base_/datasets/kinetics400_mscl.py',
    '../_base_/schedules/mscl.py',
    '../_base_/default_runtime.py',
]

sample_motion = dict(
    _base_.sample_motion, scores_root='motion_scores/vectors_16', flow_method='vectors'
)
# As many vectors as a frame of 240 px has of them.
read_clips = [
    dict(step, flow_stride=4) if step.type == 'ClipRandomResizedCrop' else step
    for step in _base_.read_clips
]
train_dataloader = dict(
    dataset=dict(
        # Vectors of the 16 frames followed along their paths.
        reader_options=dict(_delete_=True, motion='auto', flow_method='vectors', flow_span=16),
        pipeline=[_base_.open_video, sample_motion, *read_clips],
    )
)

# An epoch takes long: lose no more than one.
default_hooks = dict(checkpoint=dict(interval=1))
