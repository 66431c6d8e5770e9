"""Which clips of a video are worth contrasting: those whose motion changes."""

import os
import random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ssvrl_mm.command_line import tool_command
from ssvrl_mm.datasets.motion_scores import MISSING, clip_scores, starts_above_median
from ssvrl_mm.datasets.transforms.sampling import SampleClips, frames_of_part
from ssvrl_mm.datasets.transforms.scored_flow import (
    SOURCES,
    flow_arguments,
    flow_facts,
    scored_flow,
)
from ssvrl_mm.datasets.transforms.stored_files import place_beside, read_beside
from ssvrl_mm.registry import TRANSFORMS
from ssvrl_mm.suggestions import did_you_mean
from ssvrl_mm.video import ScoreFileError
from ssvrl_mm.video.decoding.digest import file_digest
from ssvrl_mm.video.motion.differential import FUNCTIONS, WEIGHTS
from ssvrl_mm.video.motion_score_files import SUFFIX, MotionScores, read_scores
from ssvrl_mm.video.stored_flow import differences


@TRANSFORMS.register_module()
class SampleMotionClips(SampleClips):
    """Samples clips from the half of a video that moves in the most different ways.

    Motion differential sampling, Sec. 3.4 of Ni et al., "Motion Sensitive Contrastive Learning for
    Self-supervised Video Representation", ECCV 2022. Of all clips of a video those are kept whose
    score is strictly above the median; all of them, where none is. The first of the V clips, the
    query, is one of these, drawn at random. Each other one, a key, is the one of these that is
    nearest to a random shift from the query.

    The scores are those that ``tools/data/score_motion.py`` has written, of every frame, so that
    one file serves any ``clip_len``.

    **Required keys:** ``total_frames``, ``filename``. **Optional keys:** ``data_root``,
    ``video_root``; ``streams`` and ``reader_options``, which tell the flow of the sample. **Added
    keys:** as :class:`SampleClips`.

    Args:
        clip_len: Frames per clip T.
        frame_interval: Distance of a clip's frames.
        num_clips: Clips per video V.
        scores_root: Folder of the scores, relative to ``data_root``: those of ``a/b.avi`` are in
            ``a/b.avi.scores``.
        function: The row of Table 3: 'dw', sum(d w), Eq. (9); 'd', sum(d); 'w', sum(w); 'none'
            reads no scores and keeps all clips.
        key_shift: A key's shift is drawn from -key_shift..key_shift frames. None: the frames of a
            clip, ``clip_len * frame_interval``, as in the released code.
        score_interval: From one frame whose score counts to the next. None: ``frame_interval``.
            Where ``shorten`` lowers that, this is lowered in proportion, to 1 at least: the frames
            that count stay those of the clip, or the same share of it.
        missing: 'skip' or 'zero', see :func:`~ssvrl_mm.datasets.motion_scores.clip_scores`.
        span: The span that the flow of the scores has to have. None: ``motion_offset`` if that is
            given, or else ``frame_interval``.
        distance: What frames have to be compared with: those so many frames later. None: the span.
        weight: The weights that the scores have to have, 'softmax' or 'max'.
        flow_method: Where their flow has to come from, such as 'vectors'. None: from where the
            sample's flow comes, or anywhere where it has none. If it comes from there, scale, cell
            and options of the method have to be the same as well.
        backend_args: mmengine's file backend that has the scores, see ``OpenCompressedVideo``.
        **sampling: ``motion_offset``, ``shorten``, ``part`` and ``out_of_bound`` of
            :class:`SampleClips`.

    Raises:
        ValueError: An argument out of range.
        video.ScoreFileError: The scores are missing or damaged, or of another video or other
            options; says which command makes them.

    Example:
        >>> sample = SampleMotionClips(clip_len=8, frame_interval=8, scores_root='scores')
    """

    def __init__(
        self,
        clip_len: int,
        frame_interval: int = 1,
        num_clips: int = 2,
        scores_root: str | None = None,
        function: str = 'dw',
        key_shift: int | None = None,
        score_interval: int | None = None,
        missing: str = 'skip',
        span: int | None = None,
        distance: int | None = None,
        weight: str = 'softmax',
        flow_method: str | None = None,
        backend_args: dict[str, Any] | None = None,
        **sampling: Any,
    ) -> None:
        super().__init__(clip_len, frame_interval, num_clips, **sampling)
        refused = {'test_mode', 'stride', 'independent', 'min_gap'} & sampling.keys()
        if refused:
            raise ValueError(
                f'{sorted(refused)} say how clips are drawn, which SampleMotionClips does by their '
                'scores; for tests take SampleClips'
            )
        for name, value, choices in (
            ('function', function, ('none', *FUNCTIONS)),
            ('missing', missing, MISSING),
            ('weight', weight, WEIGHTS),
        ):
            if value not in choices:
                raise ValueError(f'{name} must be one of {choices}, got {value!r}')
        if (scores_root is None) != (function == 'none'):
            raise ValueError(
                f'function={function!r} does not go with scores_root={scores_root!r}: scores are '
                "in a folder, and 'none' reads none"
            )
        if key_shift is not None and key_shift < 0:
            raise ValueError(f'key_shift must be 0 or more, got {key_shift}')
        for name, number in (('score_interval', score_interval), ('distance', distance)):
            if number is not None and number < 1:
                raise ValueError(f'{name} must be 1 or more, got {number}')
        if span == 0:
            raise ValueError('span must be a number of frames other than 0')
        if flow_method not in (None, *SOURCES):
            meant = did_you_mean(str(flow_method), SOURCES)
            raise ValueError(
                f'flow_method must be one of {SOURCES} or None, got {flow_method!r}'
                f'{"; " if meant else ""}{meant}'
            )
        self.scores_root = scores_root
        self.function = function
        self.key_shift = clip_len * frame_interval if key_shift is None else key_shift
        self.score_interval = frame_interval if score_interval is None else score_interval
        self.missing = missing
        if span is None:
            span = self.motion_offset or frame_interval
        self.span = span
        self.distance = abs(self.span) if distance is None else distance
        self.weight = weight
        self.flow_method = flow_method
        self.backend_args = backend_args

    def _starts(self, last_start: int, interval: int, results: Mapping[str, Any]) -> list[int]:
        chosen = self._chosen(last_start, interval, results)
        query = random.choice(chosen.tolist())
        starts = [query]
        for _ in range(self.num_clips - 1):
            wanted = query + random.randint(-self.key_shift, self.key_shift)
            starts.append(int(chosen[np.abs(chosen - wanted).argmin()]))
        return starts

    def _chosen(self, last_start: int, interval: int, results: Mapping[str, Any]) -> np.ndarray:
        """The starts from 0 to ``last_start`` that clips of a sample are drawn from."""
        if self.scores_root is None:
            return np.arange(last_start + 1)
        begin, total = frames_of_part(self.part, results['total_frames'])
        values = self._read(results).values[self.function][begin : begin + total]
        distance = max(self.score_interval * interval // self.frame_interval, 1)
        scores = clip_scores(values, last_start, self.clip_len, distance, self.missing)
        return starts_above_median(scores)

    def _read(self, results: Mapping[str, Any]) -> MotionScores:
        """The scores of a sample's video."""
        assert self.scores_root is not None
        path = place_beside(results, self.scores_root, SUFFIX, ScoreFileError)
        try:
            scores = read_scores(read_beside(path, self.backend_args, ScoreFileError), path)
        except ScoreFileError as error:
            command = self._command(results)
            raise ScoreFileError(path, f'{error.reason}; {command} makes it') from error
        found = self._differences(scores, results)
        if found:
            raise ScoreFileError(
                path,
                f'holds other scores than are asked for of {results["filename"]}: '
                f'{"; ".join(found)}; {self._command(results, overwrite=True)} makes it anew',
            )
        return scores

    def _differences(self, scores: MotionScores, results: Mapping[str, Any]) -> list[str]:
        """What is stored though something else is expected, in words."""
        expected: dict[str, Any] = dict(
            span=self.span,
            distance=self.distance,
            weight=self.weight,
            num_frames=results['total_frames'],
        )
        flow = scored_flow(self.flow_method, results.get('reader_options'), results.get('streams'))
        if flow is not None:
            expected |= flow_facts(flow)
        elif self.flow_method is not None:
            expected['method'] = self.flow_method
        filename = results['filename']
        if os.path.isfile(filename):
            # A process reads each file once for it; of what a backend gives, frames are counted.
            expected['video_bytes'] = os.path.getsize(filename)
            expected['video_sha256'] = file_digest(filename)
        return differences(scores.header, replace(scores.header, **expected))

    def _command(self, results: Mapping[str, Any], overwrite: bool = False) -> str:
        """What to type to have the scores of all videos."""
        videos = results.get('video_root') or results['filename']
        reading = results.get('reader_options'), results.get('streams')
        return self.command(videos, results.get('data_root', ''), *reading, overwrite)

    def command(
        self,
        videos: str,
        data_root: str,
        reader_options: Mapping[str, Any] | None = None,
        streams: Sequence[str] | None = None,
        overwrite: bool = False,
    ) -> str:
        """What to type to have the scores that are read of a video, or of a folder of them.

        Args:
            videos: The video or the folder.
            data_root: What ``scores_root`` and ``flow_root`` are relative to.
            reader_options: Of ``OpenCompressedVideo``.
            streams: What is decoded of the video.
            overwrite: Whether other scores are there, to be replaced.
        """
        assert self.scores_root is not None
        options = f'--span {self.span}'
        if self.distance != abs(self.span):
            options += f' --distance {self.distance}'
        if self.weight != 'softmax':
            options += f' --weight {self.weight}'
        flow = scored_flow(self.flow_method, reader_options, streams)
        options += flow_arguments(self.flow_method, flow, data_root)
        if overwrite:
            options += ' --overwrite'
        folder = os.path.join(data_root, self.scores_root)
        places = f'{shlex.quote(videos)} --out {shlex.quote(folder)}'
        return f'`{tool_command("data/score_motion.py")} {places} {options}`'

    def __repr__(self) -> str:
        names = (
            'scores_root', 'function', 'key_shift', 'score_interval', 'missing', 'span', 'distance',
            'weight', 'flow_method',
        )  # fmt: skip
        options = ''.join(f', {name}={getattr(self, name)!r}' for name in names)
        return f'{super().__repr__()[:-1]}{options})'
