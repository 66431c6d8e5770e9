# Finetuning in Context-Motion Decoupling, validated after the epochs of the paper's Table 3 alone.
_base_ = './downstream_context_motion.py'

epochs = (1, 5, 10, 20, 50, 120)
train_cfg = dict(
    val_interval=epochs[0],
    # Two epochs after one of them the next one becomes the interval: mmengine looks an epoch ahead.
    dynamic_intervals=[
        (last + 2, epoch) for last, epoch in zip(epochs[:-1], epochs[1:], strict=True)
    ],
)
