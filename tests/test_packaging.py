"""What a user installs: the wheel, built from a copy of the checkout, unpacked, and used alone."""

import os
import re
import subprocess
import sys
import zipfile
from email import message_from_string
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import ssvrl_mm
from tests.interpreter import run_fresh
from tests.wheels import build_wheel, copy_checkout, install, need_setuptools

EXTRAS = ('analysis', 'deploy', 'docs', 'hub', 'report', 'tests')
PUBLISHED = """
  - Name: published
    Config: configs/mvcgc/demo.py
    In Collection: MVCGC
    Metadata:
      Weights SHA-256: 1a2b3c4d
    Weights: published-1a2b3c4d.pth
  - Name: elsewhere
    Config: configs/mvcgc/demo.py
    In Collection: MVCGC
    Weights: https://elsewhere/elsewhere-1a2b3c4d.pth
"""


@pytest.fixture(scope='module')
def checkout(tmp_path_factory, repository):
    """A copy whose index lists checkpoints."""
    need_setuptools()
    copy = copy_checkout(repository, tmp_path_factory.mktemp('packaging') / 'checkout')
    with open(copy / 'configs' / 'mvcgc' / 'metafile.yml', 'a') as metafile:
        metafile.write(PUBLISHED)
    return copy


@pytest.fixture(scope='module')
def site(checkout):
    """A folder with the wheel's contents, as an installation leaves them."""
    folder = checkout.parent / 'site'
    with zipfile.ZipFile(build_wheel(checkout, checkout.parent / 'wheels')) as archive:
        archive.extractall(folder)
    return folder


def files(folder, suffix=''):
    """Paths of the files under a folder, relative to it."""
    paths = Path(folder).rglob(f'*{suffix}')
    found = {p.relative_to(folder) for p in paths if p.is_file()}
    return {path for path in found if '__pycache__' not in path.parts}


def test_wheel_holds_the_package_and_nothing_else(site, checkout):
    assert {p.name.partition('-')[0].partition('.')[0] for p in site.iterdir()} == {'ssvrl_mm'}
    packaged = {p for p in files(site / 'ssvrl_mm', '.py') if p.parts[0] != '.mim'}
    assert packaged == files(checkout / 'ssvrl_mm', '.py')
    assert (site / 'ssvrl_mm' / 'py.typed').is_file()
    templates = Path('ssvrl_mm', 'report', 'templates')
    assert len(files(site / templates)) == 3
    assert files(site / templates) == files(checkout / templates)


@pytest.mark.parametrize('folder', ['configs', 'tools'])
def test_wheel_holds_what_mim_looks_for(folder, site, checkout):
    inside = files(site / 'ssvrl_mm' / '.mim' / folder)
    assert inside == files(checkout / folder)
    assert inside, f'{folder} is empty'


def test_wheel_holds_the_model_index(site, checkout):
    index = site / 'ssvrl_mm' / '.mim' / 'model-index.yml'
    assert index.read_text() == (checkout / 'model-index.yml').read_text()


@pytest.mark.parametrize(
    'zoo, base', [('https://zoo/a/', 'https://zoo/a/'), ('https://zoo/a?signature=secret', '')]
)
def test_the_index_says_where_checkpoints_lie(zoo, base, checkout, tmp_path):
    """Said when a wheel is built, since `mim` knows whole addresses alone."""
    done = subprocess.run(
        [sys.executable, 'setup.py', '--quiet', 'build_py', '--build-lib', str(tmp_path)],
        cwd=checkout,
        env={**os.environ, 'SSVRL_MM_ZOO': zoo},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    for metafile in checkout.glob('configs/*/metafile.yml'):
        source = metafile.read_text()
        built = (tmp_path / 'ssvrl_mm' / '.mim' / metafile.relative_to(checkout)).read_text()
        entries, expected = (yaml.safe_load(text)['Models'] for text in (built, source))
        for model in expected:
            if '://' not in model.get('Weights', '://'):
                model['Weights'] = base + model['Weights']
        assert entries == expected
    metafile = tmp_path / 'ssvrl_mm' / '.mim' / 'configs' / 'mvcgc' / 'metafile.yml'
    assert f'    Weights: {base}published-1a2b3c4d.pth\n' in metafile.read_text()


def test_every_module_imports_from_the_wheel(site, tmp_path):
    code = """
        import importlib, pkgutil
        import ssvrl_mm
        def fail(name):
            raise ImportError(name)
        for module in pkgutil.walk_packages(ssvrl_mm.__path__, 'ssvrl_mm.', onerror=fail):
            print(importlib.import_module(module.name).__file__)
    """
    imported = {
        Path(line).relative_to(site / 'ssvrl_mm')
        for line in run_fresh(code, tmp_path, [site]).splitlines()
        if line.startswith(str(site))
    }
    expected = {p for p in files(site / 'ssvrl_mm', '.py') if p.parts[0] != '.mim'}
    assert imported == expected - {Path('__init__.py')}


def test_configs_are_found_by_package_name(site, tmp_path):
    configs = sorted(files(site / 'ssvrl_mm' / '.mim' / 'configs', '.py'))
    # One of each folder: all of them are parsed elsewhere.
    one_each = {config.parent: config.as_posix() for config in configs}
    names = [name for name in one_each.values() if not name.startswith('_base_')]
    code = f"""
        import ssvrl_mm
        from mmengine import Config
        from mmengine.hub import get_config
        def plain(node):  # an inherited config notes the scope in each of its dicts
            if isinstance(node, dict):
                return {{k: plain(v) for k, v in node.items() if k != '_scope_'}}
            return [plain(v) for v in node] if isinstance(node, (list, tuple)) else node
        for name in {names}:
            direct = get_config('ssvrl_mm::' + name)
            with open('child.py', 'w') as file:
                file.write(f"_base_ = ['ssvrl_mm::{{name}}']")
            inherited = Config.fromfile('child.py')
            assert direct.default_scope == inherited.default_scope == 'ssvrl_mm', name
            assert plain(direct.to_dict()) == plain(inherited.to_dict()), name
            print(direct.filename)
    """
    output = run_fresh(code, tmp_path, [site]).splitlines()
    assert len(names) > 4
    assert output == [str(site / 'ssvrl_mm' / '.mim' / 'configs' / name) for name in names]


@pytest.fixture(scope='module')
def editable(repository, tmp_path_factory):
    """A clone beside a user's scripts, and the Python that it is installed into as editable."""
    need_setuptools()
    folder = tmp_path_factory.mktemp('editable')
    home = folder / 'home'
    clone = copy_checkout(repository, home / 'ssvrl_mm')
    wheels = folder / 'wheels'
    wheels.mkdir()
    build = f'from setuptools import build_meta; build_meta.build_editable({str(wheels)!r})'
    done = subprocess.run(
        [sys.executable, '-c', build], cwd=clone, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = wheels.iterdir()
    return home, install(wheel, folder / 'environment')


@pytest.mark.skipif(os.name != 'posix', reason='environments have other folders')
@pytest.mark.parametrize('place', ['beside the clone', 'in the clone', 'elsewhere'])
def test_a_script_beside_the_clone(place, editable, tmp_path):
    """The clone's folder bears the package's name, and comes first on the path of the script."""
    home, python = editable
    folder = {'beside the clone': home, 'in the clone': home / 'ssvrl_mm'}.get(place, tmp_path)
    script = folder / 'script.py'
    script.write_text(
        'import ssvrl_mm\n'
        'print(ssvrl_mm.__version__, ssvrl_mm.__file__)\n'
        "print(open(ssvrl_mm.config_file('mvcgc/demo.py')).readable())\n"
    )
    env = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
    done = subprocess.run(
        [python, script], cwd=folder, env=env, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    package = home / 'ssvrl_mm' / 'ssvrl_mm' / '__init__.py'
    assert done.stdout.splitlines() == [f'{ssvrl_mm.__version__} {package}', 'True']


def requirements(repository):
    lines = (repository / 'requirements' / 'runtime.txt').read_text().splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith('#')]
    return {requirement.name: requirement.specifier for requirement in listed}


def pins(repository):
    lines = (repository / 'requirements' / 'constraints.txt').read_text().splitlines()
    return dict(line.split('==') for line in lines if '==' in line)


def test_requirements_end_before_what_was_not_tried(repository):
    pinned = {canonicalize_name(name): version for name, version in pins(repository).items()}
    for name, allowed in requirements(repository).items():
        assert any(part.operator == '<' for part in allowed), f'{name} has no upper bound'
        # setuptools is pinned by no constraint: pip brings its own.
        assert name == 'setuptools' or pinned[canonicalize_name(name)] in allowed, name


@pytest.mark.parametrize(
    'name, version, why',
    [
        ('mmcv-lite', '2.2.0', 'mmaction2 1.2.0 refuses it'),
        ('setuptools', '81.0.0', 'it has no pkg_resources'),
        ('av', '20.0.0', 'not tried'),
        ('mmengine', '0.11.0', 'not tried'),
        ('mmaction2', '1.3.0', 'not tried'),
    ],
)
def test_what_is_known_to_break_is_not_installed(name, version, why, repository):
    assert version not in requirements(repository)[name], why


def test_a_page_names_the_requirements(repository):
    rows = re.findall(
        r'^\| (?:PyAV \()?([\w-]+)\)? \| (\d[^|]*) \| (>=[^|]*) \|$',
        (repository / 'docs' / 'get_started.md').read_text(),
        re.MULTILINE,
    )
    assert len(rows) == 8
    pinned = pins(repository)
    for name, tried, allowed in rows:
        if name == 'Python':
            assert f"python_requires='{allowed}'" in (repository / 'setup.py').read_text()
            continue
        assert SpecifierSet(allowed) == requirements(repository)[name], name
        versions = re.findall(r'\d+(?:\.\d+)+', tried.partition('(')[0])
        assert all(version in SpecifierSet(allowed) for version in versions), name
        assert any(f'{pinned[name]}.'.startswith(f'{version}.') for version in versions), name


def test_the_citation_names_the_version(repository):
    citation = yaml.safe_load((repository / 'CITATION.cff').read_text())
    # What version 1.2.0 of the format asks for.
    assert {'authors', 'cff-version', 'message', 'title'} <= set(citation)
    assert (citation['version'], citation['license']) == (ssvrl_mm.__version__, 'Apache-2.0')


@pytest.mark.parametrize(
    'pattern', [r'\bTODO\b', r'\bFIXME\b', r'example\.(com|org)', r'\byour-(name|org|repo)']
)
def test_nothing_is_left_to_fill_in(pattern, repository):
    places = ('*.md', '*.cff', '*.py', '*.toml', '*.yml', 'docs/**/*.md', 'configs/*/*.md')
    pages = [page for place in places for page in repository.glob(place)]
    assert [page.name for page in pages if re.search(pattern, page.read_text())] == []


def test_metadata_matches_the_checkout(site, checkout):
    (info,) = site.glob('*.dist-info')
    metadata = message_from_string((info / 'METADATA').read_text())
    assert (metadata['Name'], metadata['Version']) == ('ssvrl_mm', ssvrl_mm.__version__)
    assert metadata['Requires-Python'] == '>=3.11'
    assert list(info.rglob('LICENSE'))
    declared = {}
    for text in metadata.get_all('Requires-Dist'):
        requirement = Requirement(text)
        extras = [e for e in EXTRAS if f'extra == "{e}"' in str(requirement.marker)]
        declared.setdefault((extras or ['runtime'])[0], set()).add(
            (requirement.name, requirement.specifier)
        )
    for name, found in declared.items():
        lines = (checkout / 'requirements' / f'{name}.txt').read_text().splitlines()
        listed = [Requirement(line) for line in lines if line and not line.startswith('#')]
        # Whoever has the full mmcv keeps it, so that line may be left out.
        expected = {(r.name, r.specifier) for r in listed if r.name != 'mmcv-lite'}
        assert {entry for entry in found if entry[0] != 'mmcv-lite'} == expected
    assert declared.keys() == {'runtime', *EXTRAS}
