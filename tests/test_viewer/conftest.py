"""A folder with a clip of known motion, what is no video, and ways out; and a page of it."""

import pytest

from tests.clips import H264_B, encode, translating

pytest.importorskip('starlette', reason='the extra demo is not installed')
pytest.importorskip('uvicorn', reason='the extra demo is not installed')

#: Moves right by 3 px per frame; I-frames are 0 and 12.
FRAMES = translating(20, 3, 0, height=96, width=128)


@pytest.fixture(scope='session')
def place(tmp_path_factory):
    """``shown`` is the folder of the page, ``outside`` what it must not show."""
    place = tmp_path_factory.mktemp('viewer')
    for folder in ('shown/sub', 'shown/.hidden', 'outside'):
        (place / folder).mkdir(parents=True)
    encode(place / 'shown/right.mp4', FRAMES)
    encode(place / 'shown/sub/b frames.avi', FRAMES[:9], options=H264_B)
    for copy in ('outside/secret.mp4', 'shown/.hidden/secret.mp4'):
        (place / copy).write_bytes((place / 'shown/right.mp4').read_bytes())
    (place / 'shown/notes.mp4').write_text('these are notes, and no video\n' * 100)
    (place / 'shown/link.mp4').symlink_to(place / 'outside/secret.mp4')
    (place / 'shown/inner.mp4').symlink_to(place / 'shown/right.mp4')
    (place / 'shown/way').symlink_to(place / 'outside')
    return place


@pytest.fixture(scope='session')
def client(place):
    """Asks a server of the folder that takes uploads of up to 100 kB."""
    from ssvrl_mm.viewer.checking import Limits
    from ssvrl_mm.viewer.library import Folder
    from ssvrl_mm.viewer.server import Viewer
    from tests.test_viewer.serving import serving

    with serving(Viewer(Folder(place / 'shown'), limits=Limits(upload_bytes=300_000))) as client:
        yield client
