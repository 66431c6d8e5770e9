# Retrieval on HMDB51 by all pathways together and by each (Appendix D), under both protocols.
_base_ = [
    '../../_base_/models/imrnet_r18.py',
    '../../_base_/datasets/hmdb51_imrnet_retrieval.py',
    '../../_base_/downstream_runtime.py',
]

# 'vcop' searches clip by clip; 'clean' averages the clips itself.
model = dict(average_clips=False)
test_evaluator = [dict(_base_.test_evaluator, preset=preset) for preset in ('clean', 'vcop')]
val_evaluator = test_evaluator
