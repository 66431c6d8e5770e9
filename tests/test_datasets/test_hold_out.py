import pytest
from mmengine.registry import DefaultScope

from ssvrl_mm.datasets import VideoListError
from ssvrl_mm.registry import DATASETS
from tests.clips import encode, translating


@pytest.fixture
def build(tmp_path):
    good = encode(tmp_path / '0.mp4', translating(4, 1, 1, 48, 64)).read_bytes()
    for number in range(40):
        # Every other one is empty.
        (tmp_path / f'{number}.mp4').write_bytes(b'' if number % 2 else good)
    (tmp_path / 'list.txt').write_text(''.join(f'{i}.mp4 {i}\n' for i in range(40)))

    def build_dataset(held_out, share=0.2, **options):
        options = dict(ann_file='list.txt', data_root=str(tmp_path)) | options
        with DefaultScope.overwrite_default_scope('ssvrl_mm'):
            return DATASETS.build(
                dict(type='HoldOutDataset', held_out=held_out, share=share, **options)
            )

    return build_dataset


def ids(dataset):
    return [dataset.get_data_info(i)['video_id'] for i in range(len(dataset))]


def test_the_parts_have_no_video_in_common_and_all_together(build):
    kept, held = ids(build(False)), ids(build(True, test_mode=True))
    assert (len(kept), len(held)) == (32, 8)
    assert sorted(kept + held) == list(range(40))
    # In the order of the list, and drawn from all over it.
    assert kept == sorted(kept) and held == sorted(held)
    assert held[0] < 20 <= held[-1]
    assert ids(build(True)) == held != ids(build(True, split_seed=1))
    # Labels go with their videos.
    dataset = build(True)
    assert [dataset.get_data_info(i)['label'] for i in range(8)] == held


def test_bad_videos_do_not_move_others_from_one_part_to_the_other(build):
    kept, held = ids(build(False, skip_bad=True)), ids(build(True, skip_bad=True))
    assert sorted(kept + held) == list(range(0, 40, 2))
    assert set(held) < set(ids(build(True)))


def test_one_at_least_is_held_out_and_one_left(build):
    assert len(build(True, share=0.001)) == 1
    assert len(build(False, share=0.98)) == 1
    for held_out in (True, False):
        with pytest.raises(VideoListError, match='40 of 40 videos are to be held out'):
            build(held_out, share=0.99)


@pytest.mark.parametrize('share', [0, 1, -0.1])
def test_arguments(build, share):
    with pytest.raises(ValueError, match=f'share must be between 0 and 1, got {share}'):
        build(True, share=share)
