# Ablation (Table 1): a ConvGRU instead of the Transformer predicts the motion features.
_base_ = './context_motion_c3d_ucf101.py'

model = dict(
    motion_head=dict(
        predictor=dict(
            _delete_=True,
            type='ConvGRUPredictor',
            in_channels=512,
            in_size=(2, 7, 7),
            out_size=(1, 7, 7),
            channels=512,
        )
    )
)
