# VCOP with R3D with one block per layer, as in VCOP.
_base_ = './vcop_c3d.py'

model = dict(backbones=dict(rgb=dict(_delete_=True, type='VideoResNet', arch='r3d', depth=10)))
