# Classification on UCF101 split 1 by residuals.
_base_ = './ucf101_classification.py'

train_pipeline = [
    dict(step, streams=('residual',)) if step.type == 'DecodeCompressedVideo' else step
    for step in _base_.train_pipeline
]
test_protocols = {
    name: [
        dict(step, streams=('residual',)) if step.type == 'DecodeCompressedVideo' else step
        for step in steps
    ]
    for name, steps in _base_.test_protocols.items()
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_crops}}']

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
