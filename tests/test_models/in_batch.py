"""Transcriptions, in float64 numpy, of the contrast within a batch."""

import numpy as np


def in_batch_terms(queries, candidates, targets, temperature):
    """InfoNCE of each query by the dot product, one at a time."""
    terms = []
    for query, target in zip(queries, targets, strict=True):
        weights = np.exp(candidates @ query / temperature)
        terms.append(-np.log(weights[target] / weights.sum()))
    return np.array(terms)


def cosine(a, b):
    return a @ b / np.sqrt((a @ a) * (b @ b))


def context_matching(frames, clips, temperature):
    """Eq. (1) of Context-Motion Decoupling: J_I of z (B, C) and x (B, C)."""
    batch = range(len(clips))
    total = 0.0
    for i in batch:
        weights = [np.exp(cosine(frames[k], clips[i]) / temperature) for k in batch]
        total += np.log(weights[i] / sum(weights))
    return -total / len(clips)


def motion_prediction(motion, predicted, temperature):
    """Eq. (2): J_M of v (B, V, C, T, H, W), the positives in clip 0, and v-hat."""
    positions = list(np.ndindex(predicted.shape[2:]))
    total = 0.0
    for i in range(len(predicted)):
        for j in positions:
            query = predicted[(i, slice(None), *j)]
            weights = {
                (k, clip, at): np.exp(
                    cosine(motion[(k, clip, slice(None), *at)], query) / temperature
                )
                for k in range(len(motion))
                for clip in range(motion.shape[1])
                for at in positions
            }
            total += np.log(weights[i, 0, j] / sum(weights.values()))
    return -total / (len(predicted) * len(positions))


def perceptron(layers, rows):
    """PointwiseMLP in evaluation mode, from its weights: (M, C) -> (M, out)."""

    def linear(layer, x):
        x = x @ layer.weight.detach().numpy()[:, :, 0].T
        return x if layer.bias is None else x + layer.bias.detach().numpy()

    def norm(layer, x):
        mean, var = layer.running_mean.numpy(), layer.running_var.numpy()
        weight, bias = layer.weight.detach().numpy(), layer.bias.detach().numpy()
        return (x - mean) / np.sqrt(var + layer.eps) * weight + bias

    hidden = np.maximum(norm(layers.bn1, linear(layers.conv1, rows)), 0)
    return norm(layers.bn2, linear(layers.conv2, hidden))


def rows_of(maps):
    """(N, C, ...) -> (N * positions, C)."""
    return np.moveaxis(maps, 1, -1).reshape(-1, maps.shape[1])


def maps_of(rows, like):
    """The inverse of :func:`rows_of` for maps of the batch and size of ``like``."""
    return np.moveaxis(rows.reshape(len(like), *like.shape[2:], -1), -1, 1)
