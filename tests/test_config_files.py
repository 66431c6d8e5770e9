import pytest

from ssvrl_mm.config_files import ConfigReadError, read_config


def test_a_config_is_read_with_what_it_inherits(tmp_path):
    (tmp_path / 'base.py').write_text("model = dict(type='A', width=1)")
    (tmp_path / 'x.py').write_text("_base_ = 'base.py'\nmodel = dict(width=2)")
    cfg = read_config(tmp_path / 'x.py')
    assert cfg.model == dict(type='A', width=2)
    (tmp_path / 'x.yaml').write_text('a: 3')
    assert read_config(str(tmp_path / 'x.yaml')).a == 3


def test_modules_are_imported_where_that_is_asked_for(tmp_path):
    (tmp_path / 'x.py').write_text("custom_imports = dict(imports='no_such_module')")
    read_config(tmp_path / 'x.py', import_custom_modules=False)
    with pytest.raises(ImportError, match='no_such_module'):
        read_config(tmp_path / 'x.py')


@pytest.mark.parametrize(
    'content, said',
    [
        ("_base_ = 'y.py'", r'.*/x\.py inherits from .*/y\.py, which does not exist'),
        (
            'a = 1\nb = (',
            r".*/x\.py, or a config that it inherits from, is no Python: '\(' was never closed "
            r'\(line 2: b = \(\)',
        ),
        (b'\xff', r".*/x\.py, or a config that it inherits from, is damaged: 'utf-8' codec .*"),
    ],
)
def test_what_is_no_config_says_why_in_a_line(content, said, tmp_path):
    file = tmp_path / 'x.py'
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigReadError, match=f'^{said}$'):
        read_config(file)


def test_what_fails_in_a_config_keeps_its_traceback(tmp_path):
    file = tmp_path / 'x.py'
    file.write_text('a = 1 / 0')
    with pytest.raises(ZeroDivisionError):
        read_config(file)
    file.write_text("a = open('data.txt')")
    with pytest.raises(FileNotFoundError, match='data.txt'):
        read_config(file)
