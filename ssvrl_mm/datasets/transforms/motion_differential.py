"""Which clips of a video are worth contrasting: those whose motion changes."""

import os
import random
import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ssvrl_mm.command_line import tool_command
from ssvrl_mm.datasets.motion_scores import MISSING, clip_scores, starts_above_median
from ssvrl_mm.datasets.transforms.sampling import SampleClips, frames_of_part
from ssvrl_mm.datasets.transforms.stored_files import place_beside, read_beside
from ssvrl_mm.registry import TRANSFORMS
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
    ``video_root``. **Added keys:** as :class:`SampleClips`.

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
        missing: 'skip' or 'zero', see :func:`~ssvrl_mm.datasets.motion_scores.clip_scores`.
        span: The span that the flow of the scores has to have. None: ``motion_offset`` if that is
            given, or else ``frame_interval``.
        distance: What frames have to be compared with: those so many frames later. None: the span.
        weight: The weights that the scores have to have, 'softmax' or 'max'.
        flow_method: Where their flow has to come from, such as 'vectors'. None: anywhere.
        backend_args: mmengine's file backend that has the scores, see ``OpenCompressedVideo``.
        **sampling: ``motion_offset``, ``shorten``, ``part`` and ``out_of_bound`` of
            :class:`SampleClips`.

    Raises:
        ValueError: An argument out of range.
        ScoreFileError: The scores are missing or damaged, or of another video or other options;
            says which command makes them.

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
        if score_interval is not None and score_interval < 1:
            raise ValueError(f'score_interval must be 1 or more, got {score_interval}')
        self.scores_root = scores_root
        self.function = function
        self.key_shift = clip_len * frame_interval if key_shift is None else key_shift
        self.score_interval = frame_interval if score_interval is None else score_interval
        self.missing = missing
        self.span = span or sampling.get('motion_offset') or frame_interval
        self.distance = abs(self.span) if distance is None else distance
        self.weight = weight
        self.flow_method = flow_method
        self.backend_args = backend_args
        # Scores of the frames of the sample at hand, from the first that clips may start at.
        self._values: np.ndarray | None = None

    def transform(self, results: dict) -> dict:
        """Adds the frame numbers."""
        if self.scores_root is not None:
            begin, total = frames_of_part(self.part, results['total_frames'])
            scores = self._read(results)
            self._values = scores.values[self.function][begin : begin + total]
        return super().transform(results)

    def chosen_starts(self, last_start: int) -> np.ndarray:
        """The starts from 0 to ``last_start`` that clips of the sample at hand are drawn from."""
        if self._values is None:
            return np.arange(last_start + 1)
        given = self.clip_len, self.score_interval, self.missing
        return starts_above_median(clip_scores(self._values, last_start, *given))

    def _starts(self, last_start: int) -> list[int]:
        chosen = self.chosen_starts(last_start)
        query = random.choice(chosen.tolist())
        starts = [query]
        for _ in range(self.num_clips - 1):
            wanted = query + random.randint(-self.key_shift, self.key_shift)
            starts.append(int(chosen[np.abs(chosen - wanted).argmin()]))
        return starts

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
                f'{"; ".join(found)}; {self._command(results)} --overwrite makes it anew',
            )
        return scores

    def _differences(self, scores: MotionScores, results: Mapping[str, Any]) -> list[str]:
        """What is stored though something else is expected, in words."""
        expected: dict[str, Any] = dict(
            span=self.span,
            distance=self.distance,
            weight=self.weight,
            method=self.flow_method or scores.header.method,
            num_frames=results['total_frames'],
        )
        filename = results['filename']
        if os.path.isfile(filename):
            # A process reads each file once for it; of what a backend gives, frames are counted.
            expected['video_bytes'] = os.path.getsize(filename)
            expected['video_sha256'] = file_digest(filename)
        return differences(scores.header, replace(scores.header, **expected))

    def _command(self, results: Mapping[str, Any]) -> str:
        """What to type to have the scores of all videos."""
        assert self.scores_root is not None
        root = os.path.join(results.get('data_root', ''), self.scores_root)
        return scoring_command(results.get('video_root') or results['filename'], root, self)

    def __repr__(self) -> str:
        names = (
            'scores_root', 'function', 'key_shift', 'score_interval', 'missing', 'span', 'distance',
            'weight', 'flow_method',
        )  # fmt: skip
        options = ''.join(f', {name}={getattr(self, name)!r}' for name in names)
        return f'{super().__repr__()[:-1]}{options})'


def scoring_command(videos: str, folder: str, sampler: SampleMotionClips) -> str:
    """What to type to have the scores that a sampler reads of a video, or of a folder of them."""
    options = f'--span {sampler.span}'
    if sampler.distance != abs(sampler.span):
        options += f' --distance {sampler.distance}'
    if sampler.weight != 'softmax':
        options += f' --weight {sampler.weight}'
    if sampler.flow_method:
        options += f' --method {sampler.flow_method}'
    places = f'{shlex.quote(videos)} --out {shlex.quote(folder)}'
    return f'`{tool_command("data/score_motion.py")} {places} {options}`'
