# Ablation (Table 4): optical flow (TV-L1), of every pixel, in the place of motion vectors.
_base_ = [
    '../_base_/models/context_motion_c3d.py',
    '../_base_/datasets/ucf101_context_motion.py',
    '../_base_/datasets/ucf101_context_motion_retrieval.py',
    '../_base_/datasets/optical_flow.py',
    '../_base_/schedules/context_motion.py',
    '../_base_/default_runtime.py',
]

train_dataloader = val_dataloader = test_dataloader = dict(
    dataset=dict(streams=('rgb', 'flow', 'iframe'), reader_options=_base_.flow)
)
model = dict(
    data_preprocessor=dict(flow=dict(clip=10.0, size='rgb')),
    backbones=dict(motion=None, flow=_base_.model.backbones.motion),
)
test_evaluator = val_evaluator = dict(streams=('rgb', 'iframe', 'flow'))
