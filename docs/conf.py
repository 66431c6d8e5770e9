"""The site of the documentation: `make docs` builds it with warnings as errors."""

import hashlib
import os
import sys
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS / '_extensions'))
sys.path.insert(0, str(ROOT))

from ssvrl_mm.version import __version__  # noqa: E402

project = 'ssvrl_mm'
author = 'The ssvrl_mm authors'
project_copyright = author
release = version = __version__

extensions = [
    'myst_nb',
    'sphinx.ext.autodoc',
    'sphinx.ext.napoleon',
    'sphinx_copybutton',
    'names',
    'repository',
]
exclude_patterns = ['_build', '_extensions', '**.ipynb_checkpoints']

# Markdown: anchors are those of the repository's web view; links to source views are ours.
myst_enable_extensions = ['colon_fence']
myst_heading_anchors = 4
myst_url_schemes = {'http': None, 'https': None, 'mailto': None, 'source': None}


def digest_of_sources():
    """A hash of what notebooks run besides their own code: the package, tools and configs."""
    parts = [ROOT / name for name in ('ssvrl_mm', 'tools', 'configs')]
    files = [file for part in parts for file in part.rglob('*.py') if '.mim' not in file.parts]
    files += ROOT.glob('configs/*/metafile.yml')
    content = b'\0'.join(file.read_bytes() for file in sorted(files))
    return hashlib.sha256(content).hexdigest()[:16]


# Notebooks run in an empty folder of their own, and again when their code or the package has
# changed. The longest cell takes a minute on two cores, on those of others ten or more.
nb_execution_mode = 'cache'
nb_execution_cache_path = str(DOCS / '_build' / 'notebooks' / digest_of_sources())
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_timeout = 1800
nb_merge_streams = True

# The reference: what packages export, in the order of their sources.
autodoc_member_order = 'bysource'
autodoc_default_options = {'members': True, 'show-inheritance': True}
autodoc_typehints = 'signature'
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True

# Every name leads somewhere or, by the extension `names`, exists at least. The inventories of other
# libraries lie on the network, which a build must not need; on Read the Docs there is one.
nitpicky = True
# Imported by functions alone, as they bring torch along.
nitpick_ignore = [('py:class', 'nn.Module'), ('py:exc', 'OpenMMLabMissingError')]
if os.environ.get('READTHEDOCS'):
    extensions.append('sphinx.ext.intersphinx')
    intersphinx_mapping = {
        'python': ('https://docs.python.org/3', None),
        'numpy': ('https://numpy.org/doc/stable', None),
        'torch': ('https://docs.pytorch.org/docs/stable', None),
        'mmengine': ('https://mmengine.readthedocs.io/en/latest', None),
    }

html_theme = 'furo'
html_title = f'ssvrl_mm {release}'
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
# Shell comments in front of commands are copied along, prompts of Python examples are not.
copybutton_prompt_text = r'>>> |\.\.\. '
copybutton_prompt_is_regexp = True


def setup(app):
    """Prepares autodoc and the notebooks."""

    def import_all(app):
        """Has names that packages import on first use where autodoc looks for them."""
        for name in ('ssvrl_mm.models', 'ssvrl_mm.models.utils', 'ssvrl_mm.zoo'):
            package = import_module(name)
            vars(package).update({member: getattr(package, member) for member in package.__all__})

    def run_notebooks_with_these_sources(app):
        """Whatever is installed: the pages and the checkpoints are of this checkout."""
        paths = [str(ROOT), os.environ.get('PYTHONPATH', '')]
        os.environ['PYTHONPATH'] = os.pathsep.join(filter(None, paths))

    app.connect('builder-inited', import_all)
    app.connect('builder-inited', run_notebooks_with_these_sources)
