# Classification on UCF101 split 1 by optical flow (TV-L1), in the place of motion vectors.
_base_ = './ucf101_classification_m_network.py'

flow = dict(type='OpenCompressedVideo', motion='estimate', flow='tvl1')
train_pipeline = [flow, *_base_.train_pipeline[1:]]
test_protocols = {name: [flow, *steps[1:]] for name, steps in _base_.test_protocols.items()}
val_pipeline = test_protocols['one_clip']
test_pipeline = test_protocols['{{$SSVRL_TEST_PROTOCOL:ten_clips}}']

train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
