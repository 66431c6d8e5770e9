# Retrieval on UCF101 split 1 by each of the three networks: 10 uniform clips per video, the I-frame near
# each and the motion that follows it, centre crop, mean feature, cosine.
_base_ = './ucf101_retrieval.py'

test_pipeline = [
    dict(type='OpenCompressedVideo', motion='codec', iframe_motion='hold'),
    dict(type='SampleContextMotion', clip_len=16, frame_interval=4, num_clips=10, test_mode=True),
    dict(type='DecodeCompressedVideo', streams=('rgb', 'motion', 'iframe')),
    dict(type='ClipResize', short_side=128),
    dict(type='ClipCenterCrop', size=112),
    dict(type='PackSSLInputs'),
]
gallery = dict(pipeline=test_pipeline)
query = dict(pipeline=test_pipeline)
test_dataloader = dict(
    dataset=dict(
        datasets=[
            dict(_base_.gallery, pipeline=test_pipeline),
            dict(_base_.query, pipeline=test_pipeline),
        ]
    )
)
val_dataloader = test_dataloader
test_evaluator = dict(streams=('rgb', 'iframe', 'motion'))
val_evaluator = test_evaluator
