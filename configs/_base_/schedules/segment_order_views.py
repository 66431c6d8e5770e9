# An Adam for the generator of views and one for the network of flow, with the same settings: the paper names neither
# optimizer, nor a learning rate, nor how many epochs there are.
max_epochs = 30
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
adam = dict(type='DeviceAmpOptimWrapper', dtype='bfloat16', optimizer=dict(type='Adam', lr=1e-4))
optim_wrapper = dict(constructor='JointOptimConstructor', view_generator=adam, flow_estimator=adam)
param_scheduler = []
auto_scale_lr = dict(enable=False, base_batch_size=16)
