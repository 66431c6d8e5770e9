# The clips of ucf101_classification_context_motion.py as residuals.
_base_ = './ucf101_classification_context_motion.py'

decode = dict(type='DecodeCompressedVideo', streams=('residual',))
train_pipeline = [*_base_.train_pipeline[:2], decode, *_base_.train_pipeline[3:]]
test_protocols = {
    name: [*steps[:2], decode, *steps[3:]] for name, steps in _base_.test_protocols.items()
}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
