"""Nothing but the folder's videos and the uploads can be named."""

import asyncio
import os

import pytest

from ssvrl_mm.video.tools.files import VideoFilesError
from ssvrl_mm.viewer.checking import Limits
from ssvrl_mm.viewer.errors import ViewerError
from ssvrl_mm.viewer.library import Folder, Library, Uploads, shown_name

REFUSED = [
    '', '.', '..', '../outside/secret.mp4', 'sub/../../outside/secret.mp4', 'sub/../right.mp4',
    '/etc/passwd', '%2e%2e/outside/secret.mp4', '..%2foutside%2fsecret.mp4',
    '..\\outside\\secret.mp4', 'link.mp4', 'way/secret.mp4', '.hidden/secret.mp4', 'sub',
    'right.mp4\0', 'right.mp4/', 'nothing.mp4', 'x' * 5000, './right.mp4/../right.mp4',
    'file:right.mp4', 'C:\\videos\\a.mp4',
]  # fmt: skip


@pytest.mark.parametrize('name', REFUSED)
def test_what_a_folder_refuses(place, name):
    with pytest.raises(ViewerError, match='there is no video .* in this folder') as refused:
        Folder(place / 'shown').find(name)
    assert refused.value.status == 404
    assert str(place) not in str(refused.value)


@pytest.mark.parametrize('name', [name for name in REFUSED if '\0' not in name])
def test_what_the_server_refuses(client, place, name):
    status, said = client.get('/api/frame', video=f'folder/{name}', frame=0)
    assert status == 404 and 'there is no video' in said['error']
    absolute = f'folder/{place}/shown/right.mp4'
    assert client.get('/api/frame', video=absolute, frame=0)[0] == 404


@pytest.mark.parametrize(
    'target',
    ['/../right.mp4', '/page/../server.py', '/page/%2e%2e/server.py', '/page/..%2fserver.py',
     '/page//etc/passwd', '/shown/right.mp4', '/page/%00'],
)  # fmt: skip
def test_addresses_lead_to_no_files(client, target):
    assert client.raw('GET', target)[0] in (400, 404)


def test_the_list_leaves_out_what_leads_out(place):
    # What is inside may be a link; notes are found out when they are opened.
    names = ['inner.mp4', 'notes.mp4', 'right.mp4', 'sub/b frames.avi']
    assert Folder(place / 'shown').names() == names
    found = Folder(place / 'shown').find('sub/b frames.avi')
    assert (found.id, found.name) == ('folder/sub/b frames.avi', 'sub/b frames.avi')
    assert found.file == place / 'shown/sub/b frames.avi'


def test_a_folder_may_itself_be_a_link(place, tmp_path):
    (tmp_path / 'linked').symlink_to(place / 'shown')
    assert Folder(tmp_path / 'linked').find('right.mp4').file.is_file()


def test_a_single_video_is_all_there_is(place):
    folder = Folder(place / 'shown/right.mp4')
    assert (folder.names(), folder.name) == (['right.mp4'], 'right.mp4')
    assert folder.find('right.mp4').file == place / 'shown/right.mp4'
    with pytest.raises(ViewerError):
        folder.find('notes.mp4')


def test_no_folder(tmp_path):
    with pytest.raises(VideoFilesError, match='no video or folder of videos at .*nowhere'):
        Folder(tmp_path / 'nowhere')


async def _chunks(*parts):
    for part in parts:
        yield part


def _keep(uploads, name, *parts):
    video = asyncio.run(uploads.receive(name, _chunks(*parts)))
    return video, uploads.keep(video)


def test_uploads_are_kept_by_keys_nobody_guesses_and_vanish():
    uploads = Uploads(Limits(upload_bytes=10, kept_bytes=12))
    first, gone = _keep(uploads, '../../a/b.mp4', b'12345', b'67890')
    assert (first.name, gone, first.file.read_bytes()) == ('b.mp4', [], b'1234567890')
    assert len(first.id) > len('upload/') + 12 and first.file.parent == uploads.folder
    assert uploads.find(first.id) == first
    second, gone = _keep(uploads, 'c.mp4', b'123')
    assert gone == [first] and not first.file.exists() and second.id != first.id
    with pytest.raises(ViewerError, match='gone: drop the file once more') as refused:
        uploads.find(first.id)
    assert refused.value.status == 404
    folder = uploads.folder
    assert [file.name for file in folder.iterdir()] == [second.file.name]
    uploads.close()
    assert not folder.exists()


@pytest.mark.parametrize('parts, said', [((b'12345678', b'901'), 'larger than the'), ((), 'empty')])
def test_uploads_that_are_refused_leave_nothing(parts, said):
    uploads = Uploads(Limits(upload_bytes=10))
    with pytest.raises(ViewerError, match=f'big.mp4 is {said}'):
        _keep(uploads, 'big.mp4', *parts)
    assert list(uploads.folder.iterdir()) == []
    uploads.close()


def test_the_newest_upload_stays_even_alone():
    uploads = Uploads(Limits(upload_bytes=10, kept_bytes=1))
    video, gone = _keep(uploads, 'a.mp4', b'1234')
    assert gone == [] and uploads.find(video.id).file.exists()
    uploads.close()


@pytest.mark.parametrize('video_id', ['', 'right.mp4', 'other/right.mp4', '/etc/passwd'])
def test_ids_of_no_kind(place, video_id):
    library = Library(Folder(place / 'shown'), Uploads(Limits()))
    with pytest.raises(ViewerError, match='there is no video'):
        library.find(video_id)


@pytest.mark.parametrize(
    'name, shown',
    [
        ('a.mp4', 'a.mp4'),
        ('/home/me/a b.mp4', 'a b.mp4'),
        ('C:\\me\\ä.mp4', 'ä.mp4'),
        ('a\x1b[31m\n\u202e.mp4', 'a[31m.mp4'),
        ('', 'the file'),
        ('\0', 'the file'),
    ],
)
def test_names_that_are_shown(name, shown):
    assert shown_name(name) == shown


def test_long_names_are_cut_in_the_middle():
    cut = shown_name(f'{"x" * 300}_001.mp4')
    assert len(cut) == 120 and cut.endswith('x_001.mp4') and '…' in cut


async def _at_once(uploads, sizes):
    """Uploads of these sizes, all of which begin before any ends with one byte more."""

    async def chunks(size):
        yield b'x' * size
        await asyncio.sleep(0.1)
        yield b'x'

    coming = [uploads.receive(f'{n}.mp4', chunks(size)) for n, size in enumerate(sizes)]
    ended = await asyncio.gather(*coming, return_exceptions=True)
    errors = [each for each in ended if isinstance(each, Exception)]
    return [each for each in ended if each not in errors], errors


def test_uploads_on_their_way_count():
    uploads = Uploads(Limits(upload_bytes=10, kept_bytes=12))
    old, _ = _keep(uploads, 'old.mp4', b'1234')
    videos, errors = asyncio.run(_at_once(uploads, [5, 4, 3]))
    # There was room for all but their last bytes, and then for those of two.
    assert [(error.status, str(error)[:32]) for error in errors] == [
        (507, 'there is no room for 0.mp4 while')
    ]
    assert sorted(file.stat().st_size for file in uploads.folder.iterdir()) == [4, 5]
    assert [uploads.keep(video) for video in videos] == [[old], []]
    with pytest.raises(ViewerError, match='gone'):
        uploads.find(old.id)
    uploads.close()


def test_too_many_uploads_at_once():
    uploads = Uploads(Limits(uploads_at_once=2))
    videos, errors = asyncio.run(_at_once(uploads, [1, 1, 1]))
    assert [error.status for error in errors] == [503]
    # Until it is known whether they are videos, they are on their way.
    with pytest.raises(ViewerError, match='too many uploads at once'):
        _keep(uploads, 'a.mp4', b'1')
    uploads.drop(videos[0])
    assert not videos[0].file.exists()
    _keep(uploads, 'a.mp4', b'1')
    uploads.close()


def test_names_that_are_not_utf8_are_left_out(place, tmp_path):
    content = (place / 'shown/right.mp4').read_bytes()
    (tmp_path / 'good.mp4').write_bytes(content)
    odd = os.fsdecode(os.fsencode(tmp_path) + b'/caf\xe9.mp4')
    with open(odd, 'wb') as file:
        file.write(content)
    folder = Folder(tmp_path)
    assert (folder.names(), folder.unnamable()) == (['good.mp4'], [r'caf\udce9.mp4'])
    with pytest.raises(VideoFilesError, match=r'caf\\udce9.mp4: the name is not UTF-8'):
        Folder(odd)


def test_links_that_lead_nowhere_or_out_are_no_videos(place, tmp_path):
    (tmp_path / 'out.mp4').symlink_to(place / 'shown/right.mp4')
    (tmp_path / 'dangling.mp4').symlink_to(tmp_path / 'nothing.mp4')
    with pytest.raises(VideoFilesError, match='no video under .* but links'):
        Folder(tmp_path).names()
    (tmp_path / 'a.mp4').write_bytes(b'x')
    assert Folder(tmp_path).names() == ['a.mp4']


def test_a_single_video_may_be_hidden_or_a_link(place, tmp_path):
    (tmp_path / '.hidden.mp4').symlink_to(place / 'shown/right.mp4')
    folder = Folder(tmp_path / '.hidden.mp4')
    assert folder.find(*folder.names()).file.read_bytes()


def test_another_file_under_a_name_is_another_video(tmp_path):
    (tmp_path / 'a.mp4').write_bytes(b'1')
    before = Folder(tmp_path).find('a.mp4')
    assert Folder(tmp_path).find('a.mp4').key == before.key
    (tmp_path / 'b.mp4').write_bytes(b'1')
    os.utime(tmp_path / 'b.mp4', ns=2 * (before.stamp[1],))
    os.replace(tmp_path / 'b.mp4', tmp_path / 'a.mp4')
    after = Folder(tmp_path).find('a.mp4')
    assert after.id == before.id and after.key != before.key


class _Quick(asyncio.SelectorEventLoop):
    """A loop whose clock is ahead at once by what there would be to wait."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        select = self._selector.select

        def at_once(timeout=None):
            self.now += timeout or 0
            return select(0)

        self._selector.select = at_once

    def time(self):
        return self.now


def _slowly(uploads, *parts):
    """An upload whose parts come after so many seconds each; when it ended and how."""

    async def chunks():
        for size, pause in parts:
            await asyncio.sleep(pause)
            yield b'x' * size

    async def run():
        [ended] = await asyncio.gather(uploads.receive('a.mp4', chunks()), return_exceptions=True)
        return asyncio.get_running_loop().time(), ended

    with asyncio.Runner(loop_factory=_Quick) as runner:
        return runner.run(run())


@pytest.mark.parametrize(
    'parts, end',
    [
        ([(1, 1)] * 1000, 20),
        ([(1, 30)], 20),
        # Who brings much at once does not rest on it.
        ([(100_000, 0), (1, 30)], 20),
        ([(20_000, 10), (15_000, 15), (15_000, 15)], 30),
        ([(0, 1)] * 1000, 20),
        ([(900, 1)] * 1000, 20),
    ],
)
def test_uploads_that_come_too_slowly_give_their_place_back(parts, end):
    uploads = Uploads(Limits(seconds=20, upload_rate=1000, uploads_at_once=1))
    ended, error = _slowly(uploads, *parts)
    said = 'a.mp4 comes too slowly: less than 0.9766 kB/s in 20 s'
    assert (ended, error.status, str(error)) == (pytest.approx(end), 400, said)
    assert list(uploads.folder.iterdir()) == []
    _keep(uploads, 'b.mp4', b'1')
    uploads.close()


@pytest.mark.parametrize('parts', [[(1100, 1)] * 100, [(20_000, 19)] * 5, [(1, 19)]])
def test_an_upload_may_take_long_that_comes_fast_enough(parts):
    uploads = Uploads(Limits(seconds=20, upload_rate=1000))
    ended, video = _slowly(uploads, *parts)
    assert ended == pytest.approx(sum(pause for _, pause in parts))
    assert video.file.stat().st_size == sum(size for size, _ in parts)
    uploads.close()
