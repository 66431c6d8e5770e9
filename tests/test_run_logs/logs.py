"""Logs of runs, as mmengine writes them."""

import json


def step(iteration, loss=0.0, time=1.0, length=10, **figures):
    """A line of the training, of epochs of this length."""
    counted = {'iter': iteration, 'step': iteration}
    if length:
        counted['epoch'] = -(-iteration // length)
    return {'lr': 0.1, 'loss': loss, 'data_time': time / 4, 'time': time, **figures, **counted}


def evaluated(epoch, recall):
    """A line of an evaluation behind an epoch."""
    return {
        'retrieval/rgb_R@1': recall, 'retrieval/chance_R@1': 0.1, 'time': 99.0, 'data_time': 9.0,
        'step': epoch,
    }  # fmt: skip


def write(folder, lines, start='20260101_000000', config=None):
    """Writes what a process logs to the folder of its run; gives the file."""
    file = folder / start / 'vis_data' / 'scalars.json'
    file.parent.mkdir(parents=True)
    file.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    if config is not None:
        (folder / 'config.py').write_text(config)
    return file
