"""Issue forms and workflow: as the host wants them, and what they name is there."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml

GITHUB = Path(__file__).resolve().parents[1] / '.github'
FORMS = sorted(p for p in (GITHUB / 'ISSUE_TEMPLATE').glob('*.yml') if p.name != 'config.yml')
FIELDS = {
    'markdown': {'value'},
    'input': {'label', 'description', 'placeholder', 'value'},
    'textarea': {'label', 'description', 'placeholder', 'value', 'render'},
    'dropdown': {'label', 'description', 'options', 'multiple', 'default'},
    'checkboxes': {'label', 'description', 'options'},
}


def load(path):
    return yaml.safe_load(path.read_text(encoding='utf-8'))


@pytest.mark.parametrize('path', FORMS, ids=lambda path: path.stem)
def test_forms_have_what_the_host_asks_for(path):
    form = load(path)
    allowed = {'name', 'description', 'body', 'title', 'labels', 'assignees', 'projects', 'type'}
    assert {'name', 'description', 'body'} <= form.keys() <= allowed
    questions = [part for part in form['body'] if part['type'] != 'markdown']
    assert questions
    for part in form['body']:
        assert part.keys() <= {'type', 'id', 'attributes', 'validations'}
        assert part['attributes'].keys() <= FIELDS[part['type']]
        assert part.get('validations', {}).keys() <= {'required'}
        assert all(isinstance(value, bool) for value in part.get('validations', {}).values())
        texts = [v for v in part['attributes'].values() if not isinstance(v, list)]
        assert all(isinstance(text, str) and text.strip() for text in texts)
    assert all('value' in p['attributes'] for p in form['body'] if p['type'] == 'markdown')
    ids = [part['id'] for part in questions]
    labels = [part['attributes']['label'] for part in questions]
    assert len(set(ids)) == len(ids) and len(set(labels)) == len(labels)
    assert all(re.fullmatch(r'[\w-]+', name) for name in ids)
    for part in questions:
        options = part['attributes'].get('options')
        assert (options is not None) == (part['type'] in ('dropdown', 'checkboxes'))
        if part['type'] == 'dropdown':
            assert all(isinstance(o, str) for o in options) and len(set(options)) == len(options)
            # The host keeps this word for what is not chosen, and refuses what YAML takes for bool.
            assert 'none' not in [option.lower() for option in options]
        for option in options if part['type'] == 'checkboxes' else []:
            assert option.keys() <= {'label', 'required'} and option['label']


def test_forms_differ_and_ask_for_what_a_report_needs():
    forms = {path.stem: load(path) for path in FORMS}
    assert forms.keys() == {'bug', 'data', 'feature', 'reproduction'}
    assert len({form['name'] for form in forms.values()}) == len(forms)
    required = {
        name: ' '.join(
            part['attributes'].get('description', '')
            for part in form['body']
            if part.get('validations', {}).get('required')
        )
        for name, form in forms.items()
    }
    for name in ('bug', 'reproduction'):
        assert 'python tools/collect_env.py' in required[name]
    assert 'python -m ssvrl_mm.video info VIDEO' in (GITHUB / 'ISSUE_TEMPLATE/bug.yml').read_text()
    assert 'python -m ssvrl_mm.video info VIDEO' in required['data']
    config = load(GITHUB / 'ISSUE_TEMPLATE' / 'config.yml')
    assert config.keys() <= {'blank_issues_enabled', 'contact_links'}


@pytest.mark.parametrize('path', [p for p in GITHUB.rglob('*') if p.is_file()], ids=str)
def test_what_is_named_exists(path, repository):
    text = path.read_text(encoding='utf-8')
    named = re.findall(r'\b((?:tools|configs|docs)/[\w./-]*\w|\.ci/\w+|[A-Z]+\.md)', text)
    assert all((repository / name).exists() for name in named), named
    for module in re.findall(r'python -m (ssvrl_mm[\w.]*)', text):
        found = importlib.util.find_spec(module)
        assert found and importlib.util.find_spec(f'{module}.__main__'), module
    makefile = (repository / 'Makefile').read_text()
    for target in re.findall(r'`make ([\w-]+)`', text):
        assert f'\n{target}:' in makefile


@pytest.mark.parametrize('path', sorted((GITHUB / 'workflows').glob('*.yml')), ids=str)
def test_workflows_may_read_and_end(path):
    workflow = load(path)
    assert workflow['permissions'] == {'contents': 'read'}
    # YAML takes the key `on` for true.
    assert workflow[True].keys() == {'push', 'pull_request'}
    for job in workflow['jobs'].values():
        assert 0 < job['timeout-minutes'] <= 120 and 'permissions' not in job
        for step in job['steps']:
            assert ('uses' in step) != ('run' in step)
            # Nothing but the host's own actions, by their major version; none uploads.
            assert re.fullmatch(
                r'actions/(checkout|cache|setup-python)@v\d+', step.get('uses', 'actions/cache@v1')
            )
        assert [step['run'] for step in job['steps'] if 'run' in step][-1] == '.ci/run'
    assert 'secrets.' not in path.read_text()
