import pytest
import yaml

from ssvrl_mm.zoo.metafile import MetafileError, set_entry

METAFILE = """\
# About the method.
Collections:
  - Name: A   # the paper's
    README: a.md

# Weights follow.
Models:
  - Name: one
    Config: one.py   # small
    Metadata:
      Epochs: 3
      Notes: |
        two
        lines

  # The second is large.
  - Name: two
    Metadata: {Epochs: 5,
               Width: 1}
# The end.
"""
ENTRY = {
    'Name': 'two',
    'Alias': ['zwei', 'due'],
    'Metadata': {'Spec': {'codecs': 'mixed', 'pace': 0.75}, 'Weights SHA-256': '1' * 64},
    'Results': [{'Task': 'Video Retrieval', 'Metrics': {'RGB R@1': 79.7, 'Chance': 6.2}}],
}
WRITTEN = f"""\
  - Name: two
    Alias: [zwei, due]
    Metadata:
      Spec: {{codecs: mixed, pace: 0.75}}
      Weights SHA-256: '{'1' * 64}'
    Results:
      - Task: Video Retrieval
        Metrics: {{RGB R@1: 79.7, Chance: 6.2}}
"""
OLD = METAFILE[METAFILE.index('  - Name: two') : METAFILE.index('# The end')]


def test_a_model_is_replaced_and_no_other_line_touched():
    written = set_entry(METAFILE, ENTRY)
    assert written == METAFILE.replace(OLD, WRITTEN)
    assert yaml.safe_load(written)['Models'][1] == ENTRY
    # Once more changes nothing.
    assert set_entry(written, ENTRY) == written
    first = METAFILE[METAFILE.index('  - Name: one') : METAFILE.index('\n  # The second')]
    assert set_entry(METAFILE, {'Name': 'one', 'Config': 'x'}) == METAFILE.replace(
        first, '  - Name: one\n    Config: x\n'
    )


@pytest.mark.parametrize('end', ['\n', ''])
def test_a_new_model_comes_last(end):
    entry = {**ENTRY, 'Name': 'three'}
    named = WRITTEN.replace('two', 'three')
    assert set_entry(METAFILE, entry) == METAFILE.replace('# The end', f'{named}# The end')
    # As far in as the others.
    text = f'Models:\n- Name: one{end}'
    assert set_entry(text, {'Name': 'b', 'Config': 'c'}) == (
        'Models:\n- Name: one\n- Name: b\n  Config: c\n'
    )
    assert set_entry(f'Collections: []{end}', {'Name': 'b'}) == (
        'Collections: []\nModels:\n  - Name: b\n'
    )


@pytest.mark.parametrize(
    'text, message',
    [
        ('Models:\n  - Name: two\n  - Name: two\n', "mine.yml: 2 models 'two'"),
        ('Models: [{Name: one}, {Name: two}]\n', 'each model in lines of its own'),
        ('Models: []\n', 'Models is empty'),
        ('Models: {\n', 'mine.yml: cannot be parsed'),
        ('- Name: two\n', 'has to hold'),
        # What another entry refers to would be gone.
        ('Models:\n  - Name: two\n    M: &m {a: 1}\n  - Name: b\n    M: *m\n', 'cannot be parsed'),
        ('Models: [{Name: one}]\nModels:\n  - Name: two\n', 'write Models once'),
        ('Models:\n  -\n    Name: two\n', 'begins no model'),
    ],
)
def test_what_would_be_harmed_is_refused(text, message):
    with pytest.raises(MetafileError, match=message):
        set_entry(text, ENTRY, 'mine.yml')


def test_literal_text_at_the_end_of_a_model_goes_with_it():
    text = 'Models:\n  - Name: a\n    Notes: |\n      x\n      y\n  - Name: b\n'
    assert set_entry(text, {'Name': 'a'}) == 'Models:\n  - Name: a\n  - Name: b\n'
    alone = text[: text.index('  - Name: b')]
    assert set_entry(alone, {'Name': 'a'}) == 'Models:\n  - Name: a\n'
    assert set_entry(alone, {'Name': 'b'}) == text
