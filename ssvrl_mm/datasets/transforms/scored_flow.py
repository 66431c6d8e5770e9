"""Which flow the scores of a sample's video have to be of."""

import os
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from ssvrl_mm.video.motion.flow import METHODS, VECTORS, FlowOptions, describe_method

#: Where scored flow may come from.
SOURCES = (VECTORS, *METHODS, 'raft')


def scored_flow(
    flow_method: str | None,
    reader_options: Mapping[str, Any] | None,
    streams: Sequence[str] | None,
) -> FlowOptions | None:
    """The flow of a sample, if that is the flow whose scores are asked for.

    Args:
        flow_method: The source that is asked for; None: the sample's, if it has flow.
        reader_options: Of ``OpenCompressedVideo``; None: not known.
        streams: What is decoded of the video; None: not known.

    Returns:
        Its ``file`` is the ``flow_root``. None where scores may be of any flow, or are of a source
        that is not the sample's, of which nothing else is known.
    """
    if reader_options is None or (flow_method is None and 'flow' not in (streams or ())):
        return None
    names = 'method', 'scale', 'cell', 'span'
    given = {
        name: reader_options[f'flow_{name}'] for name in names if f'flow_{name}' in reader_options
    }
    flow = FlowOptions(**given, file=reader_options.get('flow_root'))
    try:
        method = flow_facts(flow)['method']
    except ValueError:  # a function without a name: nobody could have scored its flow
        return None
    return flow if flow_method in (None, method) else None


def flow_facts(flow: FlowOptions) -> dict[str, Any]:
    """What the header of scores says of their flow, but for the span."""
    method, options = (VECTORS, {}) if flow.method == VECTORS else describe_method(flow.method)
    return dict(
        method=method,
        method_options=options,
        scale=float(flow.scale),
        cell=flow.px_per_value,
    )


def flow_arguments(flow_method: str | None, flow: FlowOptions | None, data_root: str) -> str:
    """The arguments of ``tools/data/score_motion.py`` that say which flow is scored.

    Args:
        flow_method: The source that is asked for, or None.
        flow: The sample's, as far as it is that: :func:`scored_flow`.
        data_root: What ``flow_root`` is relative to.
    """
    method, folder, text = flow_method, None, ''
    if flow is not None:
        method, folder = flow_facts(flow)['method'], flow.file
        if flow.scale != 1:
            text += f' --scale {flow.scale:g}'
        if flow.px_per_value != FlowOptions(method=flow.method, file=flow.file).px_per_value:
            text += f' --cell {flow.px_per_value}'
    if folder is not None and '://' not in str(folder):
        text += f' --flow-root {shlex.quote(os.path.join(data_root, str(folder)))}'
    elif folder is not None or method == 'raft':
        text += ' --flow-root FOLDER'
    return f' --method {method}{text}' if method else ''
