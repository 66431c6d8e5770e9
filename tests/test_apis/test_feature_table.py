import sys

import numpy as np
import pytest

from ssvrl_mm.apis import FeatureFileError, FeatureTable, join_tables

PACKAGES = {'.npz': 'numpy', '.h5': 'h5py', '.parquet': 'pyarrow'}


def table(rows=5, clips=None, seed=0):
    rng = np.random.default_rng(seed)
    shape = (rows,) if clips is None else (rows, clips)
    return FeatureTable(
        [f'ordner/Übung {seed} {row}.mp4' for row in range(rows)],
        rng.integers(-1, 9, rows),
        rng.uniform(0, 9, (rows, clips or 3, 2)).astype(np.float32),
        {
            'rgb': rng.normal(size=(*shape, 6)).astype(np.float32),
            'motion': rng.normal(size=(*shape, 4)).astype(np.float32),
        },
        {'checkpoint_sha256': 'abc', 'left_out': [{'path': 'x', 'cause': 'ß'}], 'seed': None},
    )


@pytest.mark.parametrize('clips', [None, 2])
@pytest.mark.parametrize('suffix', PACKAGES)
def test_files_give_back_what_was_saved(suffix, clips, tmp_path):
    pytest.importorskip(PACKAGES[suffix])
    saved = table(clips=clips)
    saved.clip_times[2, 1] = np.nan
    saved.save(tmp_path / f'new/features{suffix}')
    found = FeatureTable.load(tmp_path / f'new/features{suffix}')
    assert (found.paths, found.provenance) == (saved.paths, saved.provenance)
    arrays = dict(saved.features, labels=saved.labels, clip_times=saved.clip_times)
    others = dict(found.features, labels=found.labels, clip_times=found.clip_times)
    assert set(arrays) == set(others)
    for name, array in arrays.items():
        np.testing.assert_array_equal(others[name], array)
        assert others[name].dtype == array.dtype and others[name].shape == array.shape
    assert [path.name for path in (tmp_path / 'new').iterdir()] == [f'features{suffix}']


@pytest.mark.parametrize('suffix, package', [('.h5', 'h5py'), ('.parquet', 'pyarrow')])
def test_missing_package_is_named(suffix, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=f'pip install {package}'):
        table().save(tmp_path / f'f{suffix}')


def test_files_of_something_else_are_named(tmp_path):
    for content in (b'', b'text', b'PK\x03\x04 broken'):
        (tmp_path / 'f.npz').write_bytes(content)
        with pytest.raises(FeatureFileError, match=r'f\.npz is no file of features'):
            FeatureTable.load(tmp_path / 'f.npz')
    np.savez(tmp_path / 'f.npz', other=np.ones(3))
    with pytest.raises(FeatureFileError, match=r'f\.npz is no file of features'):
        FeatureTable.load(tmp_path / 'f.npz')
    with pytest.raises(FeatureFileError, match='no file of features at'):
        FeatureTable.load(tmp_path / 'g.npz')
    with pytest.raises(FeatureFileError, match=r'one of \.npz, \.h5'):
        table().save(tmp_path / 'f.csv')


def test_joined_tables_follow_each_other_and_fill_up_with_nan():
    first, second = table(2, clips=2), table(3, clips=4, seed=1)
    joined = join_tables([first, second])
    assert joined.paths == first.paths + second.paths
    assert joined.features['rgb'].shape == (5, 4, 6)
    np.testing.assert_array_equal(joined.features['rgb'][:2, :2], first.features['rgb'])
    assert np.isnan(joined.features['rgb'][:2, 2:]).all()
    np.testing.assert_array_equal(joined.features['motion'][2:], second.features['motion'])
    np.testing.assert_allclose(
        joined.averaged()['motion'][:2], first.features['motion'].mean(axis=1), atol=1e-6
    )
    with pytest.raises(FeatureFileError, match='cannot be joined'):
        join_tables([first, table()])


def test_every_column_has_a_row_per_path():
    with pytest.raises(FeatureFileError, match=r"2 paths, but {'labels': 3}"):
        FeatureTable(['a', 'b'], np.zeros(3, int), np.zeros((2, 1, 2)), {'rgb': np.ones((2, 4))})
