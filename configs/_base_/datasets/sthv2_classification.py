# Classification on Something-Something V2, tested on its validation videos; RGB.
_base_ = './kinetics400_classification.py'

data_root = '{{$SSVRL_DATA:data}}/sthv2'
# Mirrored, many a video would show another class: "from left to right".
train_pipeline = [step for step in _base_.train_pipeline if step.type != 'ClipFlip']
train_dataloader = dict(dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(data_root=data_root))
test_dataloader = dict(dataset=dict(data_root=data_root))
