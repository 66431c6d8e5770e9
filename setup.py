"""Packaging of ssvrl_mm: metadata, requirements and the files OpenMIM looks for in a wheel."""

import os
import re
import shutil
import sysconfig
from importlib.metadata import distributions
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent

# `mim` and `Config.fromfile('ssvrl_mm::...')` look for these beside the package, in `.mim`.
MIM_FILES = ('configs', 'tools', 'model-index.yml')


def requirements(name):
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line for line in lines if line and not line.startswith('#')]
    if has_full_mmcv():
        lines = [line for line in lines if not line.startswith('mmcv-lite')]
    return lines


def has_full_mmcv():
    """Whether mmcv with compiled ops is installed.

    It and mmcv-lite share one folder, so both never go together. An isolated build hides the
    environment's packages, hence the look at its folder.
    """
    return any(distributions(name='mmcv', path=[sysconfig.get_path('purelib')]))


def version():
    text = (ROOT / 'ssvrl_mm' / 'version.py').read_text()
    return re.search(r"__version__ = '(.+)'", text).group(1)


def locate_weights(mim):
    """Writes whole addresses of checkpoints into the metafiles, as `mim download` knows no others.

    Ours name files. With SSVRL_MM_ZOO=https://... at the build, this is where they lie. An address
    with a password or a signature goes into no wheel.
    """
    base = os.environ.get('SSVRL_MM_ZOO', '').rstrip('/')
    if not re.fullmatch(r'https?://[^?#@\s]+', base):
        return
    for metafile in mim.glob('configs/*/metafile.yml'):
        text = metafile.read_text(encoding='utf-8')
        located = re.sub(
            r'^( +Weights: +)([^\s:/]+)$',
            lambda line: f'{line[1]}{base}/{line[2]}',
            text,
            flags=re.MULTILINE,
        )
        metafile.write_text(located, encoding='utf-8')


class BuildWithMim(build_py):
    """Puts configs, tools and model index into `ssvrl_mm/.mim`: copies, or links if editable."""

    def run(self):
        super().run()
        if self.editable_mode:
            mim = ROOT / 'ssvrl_mm' / '.mim'
            mim.mkdir(exist_ok=True)
            for name in MIM_FILES:
                (mim / name).unlink(missing_ok=True)
                (mim / name).symlink_to(Path('..', '..', name))
            return
        mim = Path(self.build_lib) / 'ssvrl_mm' / '.mim'
        for name in MIM_FILES:
            source, target = ROOT / name, mim / name
            if source.is_dir():
                ignore = shutil.ignore_patterns('__pycache__')
                shutil.copytree(source, target, dirs_exist_ok=True, ignore=ignore)
            elif source.is_file():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target)
        locate_weights(mim)


setup(
    name='ssvrl_mm',
    version=version(),
    description='Self-supervised video representation learning from compressed video',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='self-supervised learning, video, motion vectors, compressed video, OpenMMLab',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Programming Language :: Python :: 3.11',
        'Programming Language :: Python :: 3.12',
        'Programming Language :: Python :: 3.13',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=('ssvrl_mm', 'ssvrl_mm.*')),
    # Said aloud, so that an editable installation puts the checkout on Python's path. Otherwise
    # setuptools finds the package by a hook that is asked last: to a script beside a clone that is
    # called ssvrl_mm, the clone's folder would be the package, and empty.
    package_dir={'': '.'},
    package_data={'ssvrl_mm': ['py.typed'], 'ssvrl_mm.report': ['templates/*']},
    python_requires='>=3.11',
    install_requires=requirements('runtime'),
    extras_require={
        name: requirements(name)
        for name in ('analysis', 'deploy', 'docs', 'hub', 'report', 'tests')
    },
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
