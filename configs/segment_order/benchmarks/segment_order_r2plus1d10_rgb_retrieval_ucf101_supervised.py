# Figure 4(c): retrieval on UCF101 by R(2+1)D-10 that was finetuned. The checkpoint of a classifier is no recognizer's: it
# is named here, and tools take `random` in its place, the weights that a training starts from.
_base_ = [
    '../../_base_/models/segment_order_r2plus1d10.py',
    '../../_base_/datasets/ucf101_segment_order_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

pretrained = dict(
    type='PretrainedBackbone',
    checkpoint='{{$SSVRL_PRETRAINED:work_dirs/segment_order/benchmarks/segment_order_r2plus1d10_rgb_ucf101_finetune/epoch_150.pth}}',
    prefix='backbone.',
)
model = dict(backbones=dict(rgb=dict(init_cfg=pretrained)), view_generator=None)
