"""What the server answers, and that it lives on."""

import base64
import json
import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from ssvrl_mm.video.decoding import deadline
from ssvrl_mm.viewer import previews
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.library import Folder
from ssvrl_mm.viewer.rendering import LAYERS
from tests.clips import encode
from tests.test_viewer.serving import server, serving

Viewer = server.Viewer


def picture(said, layer='frame'):
    kind, _, content = said['images'][layer].partition(',')
    assert kind == 'data:image/jpeg;base64'
    return cv2.imdecode(np.frombuffer(base64.b64decode(content), np.uint8), 1)[..., ::-1]


def test_state_names_videos_and_limits_and_no_folder_above(client, place):
    status, said = client.get('/api/state')
    assert status == 200
    assert said == {
        'folder': 'shown',
        'videos': ['inner.mp4', 'notes.mp4', 'right.mp4', 'sub/b frames.avi'],
        'uploadBytes': 300_000,
        'search': None,
    }


@pytest.mark.parametrize('number', [0, 5, 12])
def test_frames(client, place, number):
    status, said = client.get('/api/frame', video='folder/right.mp4', frame=number)
    assert status == 200 and list(said['images']) == list(LAYERS)
    with CompressedVideoReader(place / 'shown/right.mp4') as reader:
        batch = reader.get_frames_at([number])
    assert np.abs(picture(said).astype(int) - batch.rgb[0]).mean() < 5
    held = number in (0, 12)
    assert (said['frame'], said['kind'], said['lost']) == (number, 'I' if held else 'P', False)
    assert said['origin'] == ('held' if held else 'coded')
    assert said['coded'] == pytest.approx(batch.motion_valid.mean(), abs=1e-4)
    assert said['median'] == [3, 0] and said['seconds'] == pytest.approx(number / 25)


def test_layers_and_the_strongest_colour_may_be_chosen(client):
    _, said = client.get('/api/frame', video='folder/right.mp4', frame=5, layers='colours', full=3)
    assert list(said['images']) == ['colours'] and said['full'] == 3
    middle = picture(said, 'colours')[200:300, 200:300].reshape(-1, 3)
    np.testing.assert_allclose(np.median(middle, axis=0), (255, 0, 0), atol=4)


@pytest.mark.parametrize(
    'query, status, said',
    [
        (dict(frame=20), 404, 'right.mp4 has no frame 20, but those from 0 to 19'),
        (dict(frame=-1), 404, 'right.mp4 has no frame -1'),
        (dict(frame='x'), 400, "frame must be a number, got 'x'"),
        (dict(frame='9' * 5000), 404, 'right.mp4 has no frame 9'),
        (dict(), 400, "frame must be a number, got 'the file'"),
        (dict(frame=1, full=0), 400, 'full must be in 0.1..1000 px/frame, got 0'),
        (dict(frame=1, full='nan'), 400, 'full must be in'),
        (dict(frame=1, layers='frame,x'), 400, "there is no layer 'x', but frame, vectors"),
    ],
)
def test_questions_that_have_no_answer(client, query, status, said):
    found, answer = client.get('/api/frame', video='folder/right.mp4', **query)
    assert found == status and answer['error'].startswith(said)


def test_a_file_of_the_folder_that_is_no_video(client, place):
    for path in ('/api/video', '/api/frame', '/preview'):
        status, said = client.get(path, video='folder/notes.mp4', frame=0)
        assert status == 415 and said['error'].startswith('notes.mp4')
        assert str(place) not in json.dumps(said)


def test_uploads(client, place):
    content = (place / 'outside/secret.mp4').read_bytes()
    status, kept = client.upload('/my/own video.mp4', content)
    assert status == 200 and kept['name'] == 'own video.mp4'
    status, facts = client.get('/api/video', video=kept['id'])
    assert (status, facts['frames'], facts['name']) == (200, 20, 'own video.mp4')
    assert str(place) not in json.dumps(facts) and 'tmp' not in json.dumps(facts)
    mine = client.get('/api/frame', video=kept['id'], frame=7)[1]
    assert (
        mine['images'] == client.get('/api/frame', video='folder/right.mp4', frame=7)[1]['images']
    )
    assert client.get('/api/video', video=kept['id'][:-1])[0] == 404


@pytest.mark.parametrize(
    'name, content, status, said',
    [
        ('notes.mp4', b'these are notes\n' * 99, 415, 'notes.mp4'),
        ('empty.mp4', b'', 400, 'empty.mp4 is empty'),
        ('big.mp4', b'\0' * 300_001, 413, 'big.mp4 is larger than the 0.2861 MB that are taken'),
        ('', b'\0' * 1000, 415, 'the file'),
    ],
)
def test_uploads_that_are_refused(client, name, content, status, said):
    found, answer = client.upload(name, content)
    assert found == status and answer['error'].startswith(said)
    # It lives on.
    assert client.get('/api/frame', video='folder/right.mp4', frame=1)[0] == 200


def test_an_upload_that_hides_its_size(client):
    parts = iter([b'\0' * 100_000] * 4)
    status, _, said = client.raw('POST', f'/api/upload?name={quote("x.mp4")}', parts)
    assert status == 413 and b'larger than' in said


def test_previews_play_whatever_the_codec(client, tmp_path):
    status, headers, content = client.raw('GET', '/preview?video=folder/sub/b%20frames.avi')
    assert (status, headers['content-type']) == (200, 'video/mp4')
    with CompressedVideoReader(content) as reader:
        known = reader.metadata
        assert (known.codec, known.width, known.height, len(reader)) == ('h264', 128, 96, 9)
        assert known.average_fps == 25
    part = client.raw(
        'GET', '/preview?video=folder/sub/b%20frames.avi', headers={'Range': 'bytes=10-19'}
    )
    assert (part[0], part[2]) == (206, content[10:20])


def test_nothing_is_searched_without_a_checkpoint(client):
    status, said = client.get('/api/near', video='folder/right.mp4')
    assert (status, said) == (
        404,
        {'error': 'no checkpoint was given, so that nothing is searched'},
    )


def test_several_people_at_once(client):
    started = threading.Barrier(4)

    def scrub(numbers):
        started.wait()
        said = [client.get('/api/frame', video='folder/right.mp4', frame=n)[1] for n in numbers]
        return [answer['frame'] for answer in said]

    orders = [[0, 1, 2, 3], [19, 18, 17, 16], [5, 15, 5, 15], [0, 6, 12, 18]]
    with ThreadPoolExecutor(4) as people:
        assert list(people.map(scrub, orders)) == orders


def test_what_nobody_foresaw_is_no_end(place, monkeypatch, caplog):
    viewer = Viewer(Folder(place / 'shown'))
    monkeypatch.setattr(server, 'render', lambda *given: 1 / 0)
    with serving(viewer) as client:
        status, said = client.get('/api/frame', video='folder/right.mp4', frame=0)
        assert (status, said['error']) == (500, 'something went wrong here; the server says what')
        assert client.get('/api/state')[0] == 200
    assert 'ZeroDivisionError' in caplog.text


def test_what_was_uploaded_is_gone_at_the_end(place):
    viewer = Viewer(Folder(place / 'shown'))
    with serving(viewer) as client:
        client.upload('x.mp4', (place / 'shown/right.mp4').read_bytes())
        client.raw('GET', '/preview?video=folder/right.mp4')
        folders = viewer.uploads.folder, viewer.previews.folder
        assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
    assert not any(folder.exists() for folder in folders)


def test_uploads_that_had_to_go_are_closed(place):
    content = (place / 'shown/right.mp4').read_bytes()
    viewer = Viewer(Folder(place / 'shown'), limits=Limits(kept_bytes=len(content)))
    with serving(viewer) as client:
        ids = []
        for _ in range(2):
            ids.append(client.upload('x.mp4', content)[1]['id'])
            assert client.get('/api/frame', video=ids[-1], frame=0)[0] == 200
        assert list(viewer.videos._videos) == ids[1:]
        status, said = client.get('/api/frame', video=ids[0], frame=0)
        assert (status, said['error']) == (404, 'this upload is gone: drop the file once more')


def test_a_file_that_is_replaced_is_seen_anew(place, tmp_path):
    shown = tmp_path / 'shown'
    shown.mkdir()
    (shown / 'a.mp4').write_bytes((place / 'shown/right.mp4').read_bytes())
    viewer = Viewer(Folder(shown))
    query = {'video': 'folder/a.mp4', 'frame': '0', 'layers': 'frame'}
    first = viewer.facts(query), viewer.frame(query)['images'], viewer.preview(query).read_bytes()
    encode(tmp_path / 'new.mp4', np.full((30, 64, 64, 3), 200, np.uint8))
    os.replace(tmp_path / 'new.mp4', shown / 'a.mp4')
    assert viewer.frame(query)['images'] != first[1]
    assert (first[0]['frames'], viewer.facts(query)['frames']) == (20, 30)
    assert viewer.preview(query).read_bytes() != first[2]
    # Nothing is kept of the one before.
    assert len(viewer.videos._videos) == len(list(viewer.previews.folder.iterdir())) == 1
    assert len(viewer.videos._views) == 1
    viewer.close()


@pytest.mark.parametrize('path', ['/api/frame', '/api/video', '/preview'])
def test_slow_videos_do_not_stop_the_server(place, path):
    viewer = Viewer(Folder(place / 'shown'), limits=Limits(decoding_at_once=1))
    with serving(viewer) as client:
        waiting = viewer.previews._turns if path == '/preview' else viewer.videos._decoding
        with waiting:
            status, said = client.get(path, video='folder/right.mp4', frame=0)
            assert status == 503 and 'try again in a moment' in said['error']
        status, _, _ = client.raw('GET', f'{path}?video=folder/right.mp4&frame=0')
        assert status == 200


# Opening and each call may take half of it, and a frame a second; no call begins after that half.
@pytest.mark.parametrize('seconds, count', [(1, 1), (8, 5), (14, 8), (20, 16), (100, 20)])
def test_a_preview_has_one_deadline(place, monkeypatch, seconds, count):
    now = 0.0

    class SlowCV2:
        INTER_AREA = cv2.INTER_AREA

        @staticmethod
        def resize(*given, **named):
            nonlocal now
            now += 1
            return cv2.resize(*given, **named)

    clock = SimpleNamespace(monotonic=lambda: now)
    for module in (previews, deadline):
        monkeypatch.setattr(module, 'time', clock)
    monkeypatch.setattr(previews, 'cv2', SlowCV2)
    monkeypatch.setattr(previews, '_AT_ONCE', 8)
    viewer = Viewer(Folder(place / 'shown'), limits=Limits(seconds=seconds))
    made = viewer.preview({'video': 'folder/right.mp4'})
    with CompressedVideoReader(made) as reader:
        assert (len(reader), now) == (count, count)
    assert now <= seconds
    viewer.close()


def test_an_upload_that_trickles_is_answered(place):
    limits = Limits(seconds=0.3, upload_rate=1000)
    with serving(Viewer(Folder(place / 'shown'), limits=limits)) as client:
        with socket.create_connection(('127.0.0.1', client.port), timeout=20) as slow:
            slow.sendall(
                b'POST /api/upload?name=x.mp4 HTTP/1.1\r\nHost: localhost\r\n'
                b'Content-Length: 1000\r\n\r\nx'
            )
            said = b''
            while b'slowly' not in said and (part := slow.recv(4096)):
                said += part
        assert said.startswith(b'HTTP/1.1 400') and b'x.mp4 comes too slowly' in said
