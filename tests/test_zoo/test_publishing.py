import hashlib
import json
import re
import runpy

import pytest
import torch
import yaml
from mmengine.config import Config

from ssvrl_mm.apis.loading import init_model
from ssvrl_mm.models.utils.weights import WeightsError
from ssvrl_mm.zoo import find_model, publishing
from ssvrl_mm.zoo.metafile import MetafileError
from ssvrl_mm.zoo.publishing import Choices, PublishError, check_before_training, publish
from ssvrl_mm.zoo.run_record import RunRecordError
from ssvrl_mm.zoo.stripping import StrippingError

from .trained_run import METAFILE, NAME, metrics


@pytest.fixture
def measured(monkeypatch, request):
    """Files that were measured; each has the run's figures unless told otherwise by precision."""
    found = {'files': [], 'half': metrics(1), 'whole': metrics(1), 'random': metrics(0)}

    def measure(config, checkpoint, seed=0):
        found['files'].append(checkpoint)
        if checkpoint is None:
            return found['random']
        weights = torch.load(checkpoint, weights_only=True)['state_dict']
        narrow = next(iter(weights.values())).dtype == torch.float16
        return found['half' if narrow else 'whole']

    monkeypatch.setattr(publishing, 'measure_weights', measure)
    if 'whole' not in request.node.name:
        # Formatting takes longer than all the rest.
        monkeypatch.setattr(publishing, 'published_text', lambda config: 'model = dict()')
    return found


def choices(small_zoo, **kwargs):
    return Choices(out=small_zoo.out, index=small_zoo.index, **kwargs)


def test_a_whole_run_becomes_files_and_an_entry(small_zoo, run, measured):
    spread = {'seeds': 3, 'epochs': 10, 'R@1 mean': 48.0, 'R@1 std': 1.5}
    done = publish(
        run.file, small_zoo.config, choices(small_zoo, device='2 CPU cores', seeds=spread)
    )
    weights, log = done.files
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert weights == small_zoo.out / f'{NAME}-{digest[:8]}.pth'
    assert log.name == f'{weights.stem}.log.json'
    assert sorted(small_zoo.out.iterdir()) == sorted(done.files)

    content = torch.load(weights, weights_only=True)
    before = torch.load(run.file, weights_only=True)['state_dict']
    assert content.keys() == {'state_dict', 'meta'}
    kept = content['state_dict']
    assert all(torch.equal(value, before[name]) for name, value in kept.items())
    # Momentum encoders, queue and heads are for training.
    left = {name.partition('.')[0] for name in before.keys() - kept.keys()}
    assert left == {'head', 'key_backbone_motion'}
    assert {name.partition('.')[0] for name in kept} == {'backbone_motion'}
    assert done.left_out['queue'] == sum(name.startswith('head.queue.') for name in before)
    assert sum(done.left_out.values()) == len(before) - len(kept)
    meta = content['meta']
    assert (meta['name'], meta['epoch'], meta['seed']) == (NAME, 30, 3)
    assert meta['precision'] == 'float32' and 'max_epochs = 30' in meta['cfg']

    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line.get('iter') for line in lines] == [200, 400, 600, None]
    text = small_zoo.metafile.read_text()
    assert text.startswith(METAFILE[: METAFILE.index(f'  - Name: {NAME}')])
    entry = yaml.safe_load(text)['Models'][1]
    assert entry == done.entry
    facts = entry['Metadata']
    assert list(facts) == [
        'Architecture', 'Width', 'Batch Size', 'Epochs', 'Resolution', 'Training Data', 'Data Spec',
        'Seed', 'Device', 'Training Time (hours)', 'Parameters (M)', 'Weights SHA-256', 'Log',
        'Log SHA-256', 'Command', 'Seeds', 'Paper Figures',
    ]  # fmt: skip
    assert facts['Data Spec'] == dict(
        train_per_class=1, test_per_class=1, num_frames=16, size=64, fps=25, seed=0,
        codecs='mixed', pace=1.0, drift=1.0,
    )  # fmt: skip
    assert facts['Training Time (hours)'] == 0.3  # 600 steps of 1.8 s
    counted = [
        value.numel() for name, value in before.items()
        if name.startswith('backbone_') and name.endswith(('weight', 'bias'))
    ]  # fmt: skip
    assert facts['Parameters (M)'] == pytest.approx(sum(counted) / 1e6, rel=5e-3)
    assert facts['Weights SHA-256'] == digest and facts['Seeds'] == spread
    assert facts['Log SHA-256'] == hashlib.sha256(log.read_bytes()).hexdigest()
    assert (facts['Width'], facts['Architecture'], facts['Resolution']) == (
        0.0625,
        'R3D-10',
        '56x56',
    )
    assert facts['Seed'] == 3 and entry['Modality'] == 'motion vectors'
    assert facts['Command'] == 'python tools/model_zoo/reproduce.py moco_r3d10 --seed 3'
    assert entry['Results'] == [
        {
            'Task': 'Video Retrieval',
            'Dataset': 'MotionPrimitives',
            'Metrics': {
                'RGB R@1': 50.0, 'RGB R@1 random weights': 10.0,
                'RGB probe': 60.0, 'RGB probe random weights': 20.0,
                'motion R@1': 40.0, 'motion R@1 random weights': 20.0,
                'motion probe': 70.0, 'motion probe random weights': 30.0,
                'both R@1': 81.2, 'both R@1 random weights': 25.0,
                'both probe': 90.0, 'both probe random weights': 40.0,
                'Chance': 6.2,
            },
        }
    ]  # fmt: skip
    # It was the file itself that was measured, under the name that it has.
    assert [file.name for file in measured['files']] == [weights.name]
    assert find_model('moco_r3d10', index=small_zoo.index).weights == weights.name
    model, _ = init_model(Config.fromfile(small_zoo.config), weights, 'cpu')
    loaded = model.state_dict()
    assert all(torch.equal(loaded[n], v) for n, v in kept.items() if n.startswith('backbone'))

    # The same again is the same; another training is not published over it by chance.
    assert publish(run.file, small_zoo.config, choices(small_zoo)).files == done.files
    run.change(seed=4)
    with pytest.raises(PublishError, match=f'{log.name}, {weights.name}.: --replace'):
        publish(run.file, small_zoo.config, choices(small_zoo))
    other = publish(run.file, small_zoo.config, choices(small_zoo, replace=True))
    assert other.files[0] != weights and sorted(other.removed) == sorted([weights, log])
    assert sorted(small_zoo.out.iterdir()) == sorted(other.files)
    # What was measured of seeds before is still said.
    assert other.entry['Metadata']['Seeds'] == spread and other.outdated == ()
    assert other.entry['Metadata']['Seed'] == 4
    # Not of other settings, nor where nobody can tell.
    run.change(seed=0)
    content = torch.load(other.files[0], weights_only=True)
    content['meta']['cfg'] = content['meta']['cfg'].replace('lr=0.01', 'lr=0.1')
    torch.save(content, other.files[0])
    last = publish(run.file, small_zoo.config, choices(small_zoo, replace=True))
    assert 'Seeds' not in last.entry['Metadata']
    assert last.outdated == ('the spread over seeds, of other settings',)
    assert last.entry['Metadata']['Command'].endswith(' moco_r3d10')
    # What the last one was trained with, nobody can tell of a broken file.
    edited(small_zoo, Metadata={**last.entry['Metadata'], 'Seeds': spread})
    last.files[0].write_bytes(b'broken')
    assert publish(run.file, small_zoo.config, choices(small_zoo)).outdated == last.outdated


def edited(small_zoo, **changes):
    """Changes the model in its metafile."""
    content = yaml.safe_load(small_zoo.metafile.read_text())
    content['Models'][1].update(changes)
    small_zoo.metafile.write_text(yaml.safe_dump(content, sort_keys=False))
    return content['Models'][1]


def test_what_was_said_of_earlier_weights_does_not_stay(small_zoo, run, measured):
    before = publish(run.file, small_zoo.config, choices(small_zoo, safetensors=True)).entry
    finetuned = {'Task': 'Action Recognition', 'Dataset': 'UCF101', 'Metrics': {'top-1': 50.0}}
    edited(small_zoo, Results=[*before['Results'], finetuned], README='configs/mvcgc/README.md')
    # The same weights again.
    again = publish(run.file, small_zoo.config, choices(small_zoo, replace=True))
    assert again.entry['Results'] == [*before['Results'], finetuned] and again.outdated == ()
    assert again.entry['README'] == 'configs/mvcgc/README.md'
    assert [file.suffix for file in again.removed] == ['.safetensors']
    assert not any('Safetensors' in name for name in again.entry['Metadata'])
    run.change(seed=4)
    other = publish(run.file, small_zoo.config, choices(small_zoo, replace=True))
    assert other.entry['Results'] == before['Results'] and 'README' in other.entry
    assert other.outdated == ('figures of earlier weights (Action Recognition)',)


def test_the_entry_of_a_config_keeps_its_name(small_zoo, run, measured):
    edited(small_zoo, Name='moco_small', Alias='small')
    done = publish(run.file, small_zoo.config, choices(small_zoo))
    assert done.files[0].name.startswith('moco_small-')
    models = yaml.safe_load(small_zoo.metafile.read_text())['Models']
    assert [model['Name'] for model in models] == ['other', 'moco_small']
    assert models[1]['Alias'] == 'small' and models[1]['Config'].endswith(f'/{NAME}.py')
    edited(small_zoo, Alias=None)
    entry = publish(run.file, small_zoo.config, choices(small_zoo)).entry
    # One without a width has no short name, which would be that of its method.
    assert 'Alias' not in entry and entry['Metadata']['Command'].endswith(' moco_small --seed 3')
    edited(small_zoo, Name=NAME, Config='configs/mvcgc/other.py')
    with pytest.raises(PublishError, match=f'{NAME} is a model of configs/mvcgc/other.py'):
        publish(run.file, small_zoo.config, choices(small_zoo))
    (small_zoo.config.parent / 'other.py').write_text(small_zoo.config.read_text())
    with pytest.raises(PublishError, match='other.py is the Config of 2 models'):
        publish(run.file, small_zoo.config.with_name('other.py'), choices(small_zoo))


def test_links_of_an_editable_installation_lead_into_the_checkout(
    small_zoo, run, measured, monkeypatch, tmp_path, capsys, repository
):
    from ssvrl_mm.zoo import publishing_arguments
    from ssvrl_mm.zoo.page import BEGIN, END

    package = tmp_path / 'zoo' / 'package' / '.mim'
    package.mkdir(parents=True)
    for name in ('configs', 'model-index.yml'):
        (package / name).symlink_to(small_zoo.index.parent / name)
    monkeypatch.setattr(publishing_arguments, 'packaged_folder', lambda: package)
    tools = repository / 'tools' / 'model_zoo'
    config = package / 'configs' / 'mvcgc' / f'{NAME}.py'
    words = [str(run.file), '--config', str(config)]
    assert runpy.run_path(str(tools / 'publish_model.py'))['main'](words) == 0
    assert 'wrote no page: there is no model_zoo.md' in capsys.readouterr().out
    model = find_model('moco_r3d10', index=small_zoo.index)
    assert (small_zoo.out / model.weights).is_file() and not (package / 'checkpoints').exists()
    assert model.config == small_zoo.config
    small_zoo.page.write_text(f'{BEGIN}\n{END}\n')
    write = runpy.run_path(str(tools / 'write_model_zoo.py'))['main']
    assert write([]) == 0 == write(['--check']) and model.weights in small_zoo.page.read_text()


def test_a_size_is_refused_before_a_training(small_zoo, run, measured, monkeypatch):
    def planned(**how):
        check_before_training(small_zoo.config, choices(small_zoo, **how))

    sizes = {}
    for name, how in (('narrow', dict(half=True)), ('wide', {}), ('heads', dict(heads=True))):
        with monkeypatch.context() as limits:
            limits.setattr(publishing, 'FILE_LIMIT', 0)
            with pytest.raises(
                PublishError, match='a file may have 0.00: publish float16'
            ) as error:
                planned(**how)
        sizes[name] = float(re.search(r'would have (\d.\d+) MB', str(error.value))[1])
        # As large as what is published in the end, but for the config.
        file = publish(run.file, small_zoo.config, choices(small_zoo, replace=True, **how)).files[0]
        assert sizes[name] == pytest.approx(file.stat().st_size / 1e6, abs=0.02)
    assert sizes['narrow'] < 0.7 * sizes['wide'] and sizes['wide'] < sizes['heads']
    planned()
    monkeypatch.setattr(publishing, 'FOLDER_LIMIT', 10**4)
    with pytest.raises(PublishError, match='and may hold 0'):
        planned()
    small_zoo.index.write_text('Import: []\n')
    with pytest.raises(PublishError, match='does not list'):
        planned()


def test_what_is_kept_is_a_choice(small_zoo, run, measured):
    kept = {}
    for name in ('momentum', 'queue', 'heads'):
        how = choices(small_zoo, replace=True, **{'heads': False, name: True})
        (file, *_) = publish(run.file, small_zoo.config, how).files
        kept[name] = torch.load(file, weights_only=True)['state_dict'].keys()
    assert {n.partition('.')[0] for n in kept['momentum']} == {
        'backbone_motion', 'key_backbone_motion', 'head',
    }  # fmt: skip
    assert all('key_projector' in n for n in kept['momentum'] if n.startswith('head.'))
    assert any(n.startswith('head.projector.motion') for n in kept['heads'])
    assert all(n.startswith(('backbone_', 'head.queue.')) for n in kept['queue'])
    assert not any(n.startswith('head.queue') or 'key_' in n for n in kept['heads'])


def test_half_precision_must_lower_no_figure(small_zoo, run, measured):
    (file, _) = publish(run.file, small_zoo.config, choices(small_zoo, half=True)).files
    kept = torch.load(file, weights_only=True)['state_dict']
    dtypes = {(min(value.ndim, 2), value.dtype) for value in kept.values()}
    assert dtypes == {(2, torch.float16), (1, torch.float32), (0, torch.int64)}
    assert [measured['files'][0].name, measured['files'][1]] == [file.name, run.file]
    init_model(Config.fromfile(small_zoo.config), file, 'cpu')
    # By more than a tenth of a point; by more than two videos of a small test. It may raise one.
    for videos, refused, taken in ((2000, 0.6988, 0.75), (320, 0.6906, 0.7 - 2 / 320)):
        measured['half'] = {**metrics(1), 'retrieval/num_query': videos}
        measured['half']['probe/motion_logistic'] = refused
        with pytest.raises(PublishError, match=f'lowers motion probe by {70 - 100 * refused:.2f}'):
            publish(run.file, small_zoo.config, choices(small_zoo, half=True))
        measured['half']['probe/motion_logistic'] = taken
        publish(run.file, small_zoo.config, choices(small_zoo, half=True))
    run.change(**{'head.projector.motion.fc2.weight': torch.full((8, 8), 7e4)})
    with pytest.raises(StrippingError, match='weight holds 7e.04, more than float16'):
        publish(run.file, small_zoo.config, choices(small_zoo, half=True, heads=True, replace=True))


def test_safetensors_beside(small_zoo, run, measured, monkeypatch):
    safetensors = pytest.importorskip('safetensors.torch')
    done = publish(run.file, small_zoo.config, choices(small_zoo, safetensors=True))
    weights, other, _ = done.files
    digest = hashlib.sha256(other.read_bytes()).hexdigest()
    facts = done.entry['Metadata']
    assert (facts['Safetensors'], facts['Safetensors SHA-256']) == (other.name, digest)
    assert other.name == f'{NAME}-{digest[:8]}.safetensors'
    read, kept = safetensors.load_file(other), torch.load(weights, weights_only=True)['state_dict']
    assert read.keys() == kept.keys() and all(torch.equal(read[n], kept[n]) for n in kept)


def test_without_safetensors_it_says_so(small_zoo, run, measured, monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'safetensors.torch', None)
    with pytest.raises(PublishError, match='safetensors is not installed'):
        publish(run.file, small_zoo.config, choices(small_zoo, safetensors=True))


def test_random_weights_are_measured_where_the_run_did_not(small_zoo, run, measured):
    (run.folder / 'result.json').unlink()
    measured['random'] = {**metrics(0), 'retrieval/rgb_R@1': 0.15}
    done = publish(run.file, small_zoo.config, choices(small_zoo))
    assert done.entry['Results'][0]['Metrics']['RGB R@1 random weights'] == 15.0
    assert measured['files'][0] is None


REFUSALS = {
    'other settings': (
        dict(cfg=lambda text: text.replace('queue_length=4', 'queue_length=8')),
        RunRecordError, r'was not trained with .*: model.head.queue_length was 8, and is 4$',
    ),
    'other data': (
        dict(cfg=lambda text: text.replace('num_frames=16', 'num_frames=32')),
        RunRecordError, r'train_dataloader.dataset.spec.num_frames was 32, and is 16',
    ),
    'another data set': (
        dict(cfg=lambda text: text.replace("/motion_primitives'", "/ucf101'")),
        RunRecordError, r"train_dataloader.dataset.data_root was '.*ucf101', and is '.*primitives'",
    ),
    'a file that was published': (dict(iter=lambda i: None), RunRecordError, 'published before'),
    'no config': (dict(cfg=lambda text: None), RunRecordError, 'holds no config'),
    'too early': (dict(epoch=lambda epoch: 29), RunRecordError, 'is of epoch 29, .* trains for 30'),
    'another log': (dict(iter=lambda i: 900), RunRecordError, 'ends at iteration 600, .* of 900'),
}  # fmt: skip


@pytest.mark.parametrize('case', REFUSALS)
def test_checkpoints_of_other_runs_are_refused(case, small_zoo, run, measured, trained):
    changes, kind, message = REFUSALS[case]
    now = dict(cfg=trained['cfg'], epoch=30, iter=600)
    run.change(**{key: change(now[key]) for key, change in changes.items()})
    refused(small_zoo, run, kind, message)


def refused(small_zoo, run, kind, message, **how):
    before = sorted(small_zoo.out.glob('*'))
    with pytest.raises(kind, match=message):
        publish(run.file, small_zoo.config, choices(small_zoo, **how))
    assert sorted(small_zoo.out.glob('*')) == before and small_zoo.metafile.read_text() == METAFILE


def test_places_and_evaluations_make_no_other_run(small_zoo, run, measured, trained, data_folder):
    moved = (
        trained['cfg']
        .replace(str(data_folder.parent), 'elsewhere')
        .replace('val_begin=10', 'val_begin=1')
    )
    assert moved != trained['cfg']
    run.change(cfg=moved)
    publish(run.file, small_zoo.config, choices(small_zoo))


def test_what_would_be_published_wrongly_is_refused(small_zoo, run, measured, monkeypatch):
    measured['whole'] = {**metrics(1), 'retrieval/rgb_R@1': 0.47}
    refused(small_zoo, run, PublishError, 'RGB R@1 is 3.0 points from what the run measured')
    refused(small_zoo, run, PublishError, 'RGB R@1 is 3.0 points from what the run', half=True)
    measured['whole'] = metrics(1)
    monkeypatch.setattr(publishing, 'FILE_LIMIT', 10**5)
    message = r'would have 0.\d+ MB, and a file may have 0.10: publish float16'
    refused(small_zoo, run, PublishError, message)
    monkeypatch.setattr(publishing, 'FILE_LIMIT', 10**8)
    monkeypatch.setattr(publishing, 'FOLDER_LIMIT', 3 * 10**6)
    small_zoo.out.mkdir(exist_ok=True)
    (small_zoo.out / 'large-00000000.pth').write_bytes(bytes(3 * 10**6))
    refused(small_zoo, run, PublishError, r'would hold 3.\d MB, and may hold 3')
    monkeypatch.setattr(publishing, 'FOLDER_LIMIT', 10**8)
    run.scalars.unlink()
    refused(small_zoo, run, RunRecordError, 'holds no log of the training')


def test_weights_that_are_not_finite_are_refused(small_zoo, run, measured, trained):
    bias = 'head.projector.motion.fc2.bias'
    run.change(**{bias: torch.full((8,), float('nan'))})
    refused(small_zoo, run, WeightsError, f'not finite .{bias}.')
    name = next(name for name in trained['weights'] if name.endswith('running_var'))
    run.change(**{bias: torch.zeros(8), name: trained['weights'][name] + float('inf')})
    refused(small_zoo, run, StrippingError, f'{name} is not finite: the training')


def test_names_of_others_are_not_taken(small_zoo, run, measured):
    text = METAFILE.replace(f'  - Name: {NAME}\n', f'  - Name: {NAME}\n    Alias: taken\n')
    small_zoo.metafile.write_text(text.replace('    Alias: taken\n', '', 1))
    publish(run.file, small_zoo.config, choices(small_zoo))
    small_zoo.metafile.write_text(METAFILE.replace('Alias: taken', 'Alias: moco_r3d10'))
    with pytest.raises(PublishError, match="other is called 'moco_r3d10', too"):
        publish(run.file, small_zoo.config, choices(small_zoo))
    small_zoo.metafile.write_text(METAFILE.replace('Models:', 'Models: &all'))
    small_zoo.index.write_text('Import: []\n')
    with pytest.raises(PublishError, match='does not list'):
        publish(run.file, small_zoo.config, choices(small_zoo))


def test_a_metafile_that_would_lose_others_is_left_alone(small_zoo, run, measured):
    flow = yaml.safe_load(METAFILE)
    text = yaml.safe_dump(flow, default_flow_style=True)
    small_zoo.metafile.write_text(text)
    with pytest.raises(MetafileError, match='each model in lines of its own'):
        publish(run.file, small_zoo.config, choices(small_zoo))
    assert small_zoo.metafile.read_text() == text and not list(small_zoo.out.iterdir())
