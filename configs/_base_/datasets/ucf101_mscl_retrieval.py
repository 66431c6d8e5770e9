# Nearest-neighbour retrieval on UCF101 split 1 as in MSCL, which refers to CoCLR: clips of a window that moves over
# a test video, scaled to length one and averaged, look for one random clip of a training video; features centred on
# both sides, cosine. RGB, by clips of the length and stride of pretraining. A config says
# model = dict(average_clips=False).
retrieval_root = '{{$SSVRL_DATA:data}}/ucf101'

pipelines = {
    role: [
        dict(type='OpenCompressedVideo'),
        dict(type='SampleClips', clip_len=8, frame_interval=8, **clips),
        # The crop is 7/8 of the shorter side.
        dict(type='ClipResize', short_side=128),
        dict(type='ClipCenterCrop', size=112),
        dict(type='DecodeCompressedVideo'),
        dict(type='PackSSLInputs'),
    ]
    for role, clips in (
        ('gallery', dict(num_clips=1)),
        ('query', dict(stride=31, test_mode=True)),
    )
}
test_dataloader = dict(
    # The number of clips differs from video to video.
    batch_size=1,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='RetrievalDataset',
        data_root=retrieval_root,
        data_prefix=dict(video='videos'),
        # Where the clip lies follows from the seed and the video's place in the list.
        gallery=dict(ann_file='train_list.txt', pipeline=pipelines['gallery'], seed=0),
        query=dict(ann_file='test_list.txt', pipeline=pipelines['query']),
        streams=('rgb',),
    ),
)
test_evaluator = dict(type='VideoRetrieval', topk=(1, 5, 10, 20, 50), preset='coclr')
test_cfg = dict(type='TestLoop')

val_dataloader = test_dataloader
val_evaluator = test_evaluator
val_cfg = dict(type='ValLoop')
