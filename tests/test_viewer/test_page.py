"""The page as people see and use it, in headless Chromium."""

import time

import numpy as np
import pytest

from ssvrl_mm.video import CompressedVideoReader
from tests.clips import encode, translating
from tests.test_viewer.serving import serving

# Every step of them starts from an open page, which takes a second or two.
PIXELS = """
const image = document.querySelector('figure[data-layer=' + arguments[0] + '] img');
const canvas = document.createElement('canvas');
canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
const paint = canvas.getContext('2d');
paint.drawImage(image, 0, 0);
return [canvas.width, canvas.height, ...paint.getImageData(0, 0, canvas.width, canvas.height).data];
"""


@pytest.fixture(scope='module')
def clip(place):
    with CompressedVideoReader(place / 'shown/right.mp4') as reader:
        return reader.get_frames_at(range(20), ('rgb',)).rgb


def opened(browser, client, width=1280, height=900, fragment=''):
    browser.open(f'{client.address}/{fragment}', width, height)
    browser.wait("return document.body.dataset.ready === 'yes'", 60)


def pixels(browser, layer):
    """uint8 (h, w, 3) of a layer."""
    width, height, *values = browser.run(PIXELS, layer)
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def slide(browser, number):
    """Moves the slider as a hand does, and waits for the frame."""
    browser.run(
        "const s = document.getElementById('slider'); s.value = arguments[0];"
        "s.dispatchEvent(new Event('input'))",
        number,
    )
    browser.wait(f"return document.body.dataset.frame === '{number}'", 60)


def text(browser, selector):
    return browser.run('return document.querySelector(arguments[0]).innerText', selector)


def choose(browser, file):
    """Puts a file into the page's input."""
    browser.driver.find_element('id', 'file').send_keys(str(file))


def shows(browser, clip, number):
    """Whether the frame is that of the reader, and none beside it."""
    shown = pixels(browser, 'frame').astype(int)
    errors = [np.abs(shown - frame).mean() for frame in clip]
    return int(np.argmin(errors)) == number and errors[number] < 5


def test_scrubbing(browser, client, place, clip):
    opened(browser, client, fragment='#video=folder/right.mp4&frame=0')
    assert shows(browser, clip, 0)
    assert 'held' in text(browser, 'figure[data-layer=origin] .said')
    residual = 'figure[data-layer=residual] .said'
    assert text(browser, residual) == 'none: there is no frame before the first'
    assert 'stores no vectors: motion is held' in text(browser, '#sentence')
    slide(browser, 7)
    assert shows(browser, clip, 7)
    assert 'vectors are stored for 100 %' in text(browser, 'figure[data-layer=origin] .said')
    assert text(browser, residual).startswith('what motion does not explain')
    assert browser.run("return document.querySelector('.type-untold').hidden")
    assert '7, P-frame' in text(browser, 'figure[data-layer=frame] .said')
    assert 'Median motion (3, 0)' in text(browser, '#sentence')
    # To the right: red.
    np.testing.assert_allclose(
        np.median(pixels(browser, 'colours'), axis=(0, 1)), (255, 0, 0), atol=9
    )
    assert text(browser, '#place').startswith('7 / 19')
    browser.run("document.getElementById('forward').click()")
    browser.wait("return document.body.dataset.frame === '8'")
    assert shows(browser, clip, 8)
    slide(browser, 12)
    assert browser.run('return document.body.dataset.origin') == 'held'
    # Half way along the strip of its GOPs, where a bar stands in the colour of I-frames.
    bar = """const s = document.getElementById('strip'), p = s.getContext('2d');
        return [...p.getImageData((arguments[0] + .2) * s.width / 20, s.height - 3, 1, 1).data]"""
    assert browser.run(bar, 12)[:3] == [213, 94, 0] and browser.run(bar, 13)[:3] == [0, 114, 178]
    browser.run(
        "const s = document.getElementById('strip'), r = s.getBoundingClientRect();"
        "s.dispatchEvent(new MouseEvent('click', {"
        'clientX: r.x + r.width * 5.5 / 20, clientY: r.y + 9}))'
    )
    browser.wait("return document.body.dataset.frame === '5'")
    # A page that is loaded again is where it was.
    assert 'frame=5' in browser.driver.current_url
    assert (browser.errors(), browser.asked_outside()) == ([], [])


def test_an_upload_and_one_that_is_no_video(browser, client, place, clip, tmp_path):
    opened(browser, client)
    assert text(browser, '#folder-name') == 'shown'
    assert '4 videos' in text(browser, '#count')
    choose(browser, place / 'shown/notes.mp4')
    browser.wait("return !document.getElementById('message').hidden")
    said = text(browser, '#message')
    assert said.startswith('notes.mp4') and 'video' in said and str(place) not in said
    assert browser.errors() != []  # the answer 415, which browsers log
    (tmp_path / 'own <b>clip.mp4').write_bytes((place / 'outside/secret.mp4').read_bytes())
    choose(browser, tmp_path / 'own <b>clip.mp4')
    browser.wait("return document.getElementById('name').innerText.startsWith('own')")
    # Names are text, never markup.
    assert text(browser, '#name') == 'own <b>clip.mp4'
    assert browser.run("return document.getElementById('message').hidden")
    slide(browser, 9)
    assert shows(browser, clip, 9)
    # Whoever looks at another comes back to it.
    listed = """return [...document.querySelectorAll('#videos button')].map(
        (b) => [b.innerText, b.className, b.getAttribute('aria-current')])"""
    assert browser.run(listed)[:2] == [
        ['own <b>clip.mp4', 'upload', 'true'],
        ['inner.mp4', 'folder', 'false'],
    ]
    click = "document.querySelectorAll('#videos button')[arguments[0]].click()"
    for number, name in ((1, 'inner.mp4'), (0, 'own <b>clip.mp4')):
        browser.run(click, number)
        browser.wait(f"return document.getElementById('name').innerText === '{name}'")
    (tmp_path / 'big.mp4').write_bytes(b'\0' * 300_001)
    choose(browser, tmp_path / 'big.mp4')
    browser.wait("return !document.getElementById('message').hidden")
    # A frame that comes later does not wipe it out.
    slide(browser, 5)
    assert text(browser, '#message') == 'big.mp4 has 0.286 MB; the most that is taken is 0.286 MB.'
    assert (browser.errors(), browser.asked_outside()) == ([], [])


@pytest.mark.parametrize('width', [375, 768])
def test_a_phone(browser, client, width):
    opened(browser, client, width, 812, '#video=folder/right.mp4&frame=3')
    assert browser.overflow() == 0
    # The slider is at hand wherever one has scrolled to.
    browser.run('window.scrollTo(0, 200)')
    below = "const r = document.getElementById('slider').getBoundingClientRect(); return r.bottom"
    assert 600 < browser.run(below) <= 812
    assert (browser.errors(), browser.asked_outside()) == ([], [])


def test_a_file_that_cannot_be_read_hides_no_other_and_types_are_told_when_shown(browser, tmp_path):
    from ssvrl_mm.viewer.library import Folder
    from tests.test_viewer.serving import server

    (tmp_path / 'a.mp4').write_text('notes')
    options = {'deadline': 'realtime', 'cpu-used': '8'}
    encode(tmp_path / 'b.webm', translating(4, 3, 0, 48, 64), 'libvpx-vp9', options=options)
    with serving(server.Viewer(Folder(tmp_path))) as client:
        opened(browser, client)
        assert text(browser, '#name') == 'b.webm'
        assert browser.run("return document.getElementById('message').hidden")
        # There is something to see at once.
        assert browser.run('return document.body.dataset.frame') == '1'
        assert 'type known once shown' in text(browser, '.types')
        colours = """const s = document.getElementById('strip'), p = s.getContext('2d');
            return [0, 1, 2, 3].map((n) => p.getImageData(
                (n + .2) * s.width / 4, s.height - 1, 1, 1).data.slice(0, 3).join())"""
        i, p, unknown = '213,94,0', '0,114,178', '150,150,150'
        assert browser.run(colours) == [i, p, unknown, unknown]
        slide(browser, 3)
        assert browser.run(colours) == [i, p, unknown, p]
        browser.errors()  # the answer 415, which browsers log
        assert browser.asked_outside() == []


def test_playing(browser, client):
    opened(browser, client, fragment='#video=folder/right.mp4&frame=16')
    browser.run("document.getElementById('play').click()")
    browser.wait("return document.body.dataset.frame === '19'")
    browser.wait("return document.getElementById('play').innerText === 'Play'")


def test_near_videos_come_in_order_and_play(browser, searching):
    viewer, expected = searching
    with serving(viewer) as client:
        opened(browser, client, fragment='#video=folder/left/0.mp4&frame=0')
        browser.wait("return document.querySelectorAll('#found .caption').length === 3", 60)
        names = "return [...document.querySelectorAll('#found .caption')].map((c) => c.innerText)"
        assert [name.split()[-1] for name in browser.run(names)] == expected
        playing = """const all = [...document.querySelectorAll('#found video')];
            return all.every((v) => v.readyState > 2 && v.currentTime > 0 && v.videoWidth === 64)"""
        browser.wait(playing, 60)
        assert 'by model, among 4, 1 could not be read' in text(browser, '#model')
        options = "return [...document.getElementById('streams').options].map((o) => o.text)"
        assert browser.run(options) == ['rgb and motion', 'rgb', 'motion']
        # Models of four streams have long choices.
        longer = "document.getElementById('streams').options[0].text = 'a long choice '.repeat(9)"
        browser.resize(375)
        browser.run(longer)
        assert browser.overflow() == 0
        browser.resize(1280)
        browser.run("document.querySelector('#found button').click()")
        browser.wait(f"return document.getElementById('name').innerText === '{expected[0]}'")
        assert (browser.errors(), browser.asked_outside()) == ([], [])


SLOW = 1.5  # s


def test_the_video_that_was_clicked_last_stays(browser, place, clip, monkeypatch):
    from ssvrl_mm.viewer.library import Folder
    from tests.test_viewer.serving import server

    viewer = server.Viewer(Folder(place / 'shown'))
    facts, frame = viewer.facts, viewer.frame

    def slow(answer):
        def answered(query):
            if 'sub/' in query['video']:
                time.sleep(SLOW)
            return answer(query)

        return answered

    # The slow one is asked for first: its facts in one case, in the other a frame of it.
    for slower in ('facts', 'frame'):
        monkeypatch.setattr(viewer, 'facts', facts)
        monkeypatch.setattr(viewer, 'frame', frame)
        monkeypatch.setattr(viewer, slower, slow(getattr(viewer, slower)))
        with serving(viewer) as client:
            opened(browser, client, fragment='#video=folder/right.mp4&frame=0')
            click = "document.querySelectorAll('#videos button')[arguments[0]].click()"
            browser.run(click, 3)
            if slower == 'frame':
                browser.wait("return document.getElementById('name').innerText.startsWith('sub')")
            browser.run(click, 2)
            time.sleep(2 * SLOW)
            browser.wait("return document.getElementById('name').innerText === 'right.mp4'")
            slide(browser, 15)
            assert shows(browser, clip, 15)
            assert text(browser, '#name') == 'right.mp4'
            assert 'right.mp4' in browser.driver.current_url
            assert (browser.errors(), browser.asked_outside()) == ([], [])
