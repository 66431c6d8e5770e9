import pytest

from ssvrl_mm.datasets import SplitVideoDataset, VideoListError
from ssvrl_mm.registry import DATASETS
from tests.clips import encode, translating


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A list of 12 videos, class by class, of one file."""
    root = tmp_path_factory.mktemp('root')
    (root / 'videos').mkdir()
    encode(root / 'videos/0.mp4', translating(4, 1, 0, 48, 64))
    for number in range(1, 12):
        (root / f'videos/{number}.mp4').symlink_to('0.mp4')
    (root / 'list.txt').write_text(''.join(f'{n}.mp4 {n // 4}\n' for n in range(12)))
    return root


def numbers(root, part, held_out=3):
    dataset = DATASETS.build(
        dict(
            type='SplitVideoDataset',
            ann_file='list.txt',
            data_root=str(root),
            data_prefix=dict(video='videos'),
            num_held_out=held_out,
            part=part,
        )
    )
    entries = [dataset.get_data_info(i) for i in range(len(dataset))]
    # A video keeps its place in the list.
    assert all(entry['filename'].endswith(f'/{entry["video_id"]}.mp4') for entry in entries)
    assert all('recording_id' in entry for entry in entries)
    return [entry['video_id'] for entry in entries]


def test_each_class_gives_as_many_and_nothing_is_lost(root):
    held_out, rest = numbers(root, 'held_out'), numbers(root, 'rest')
    assert [number // 4 for number in held_out] == [0, 1, 2]
    assert sorted(held_out + rest) == list(range(12)) and len(rest) == 9
    # 5 of 12: floor(12 i / 5).
    assert numbers(root, 'held_out', 5) == [0, 2, 4, 7, 9]


def test_a_list_that_is_too_short_says_so(root):
    with pytest.raises(VideoListError, match=r'list\.txt: 12 videos, of which 12 .*num_held_out'):
        numbers(root, 'rest', 12)
    assert len(numbers(root, 'rest', 11)) == 1


@pytest.mark.parametrize(
    'options, said',
    [
        (dict(num_held_out=0, part='rest'), 'num_held_out must be 1 or more, got 0'),
        (dict(num_held_out=1, part='test'), "part must be one of .*, got 'test'"),
    ],
)
def test_options_out_of_range(options, said):
    with pytest.raises(ValueError, match=said):
        SplitVideoDataset('list.txt', **options)
