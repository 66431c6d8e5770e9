import torch
from mmengine.config import Config

from ssvrl_mm.apis.loading import init_model
from ssvrl_mm.zoo.measuring import measure_weights


def test_a_file_is_measured_by_the_evaluator_and_a_probe(small_zoo, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    model, _ = init_model(Config.fromfile(small_zoo.config), None, 'cpu')
    weights = {name: value for name, value in model.state_dict().items() if 'backbone' in name}
    # All features alike: every query finds the first video of the gallery, one of 16 classes.
    still = {name: torch.zeros_like(value) for name, value in weights.items()}
    half = {n: v.half() if v.is_floating_point() else v for n, v in still.items()}
    torch.save({'state_dict': half, 'meta': {}}, 'still.pth')
    found = measure_weights(small_zoo.config, tmp_path / 'still.pth')
    assert found['retrieval/motion_R@1'] == found['probe/motion_logistic'] == 1 / 16
    assert found['retrieval/chance_R@1'] == found['probe/chance_logistic'] == 1 / 16
    # Heads were left out on purpose: nobody is told.
    said = capfd.readouterr()
    assert 'head.' not in said.out + said.err
    # Random ones are those of the seed, and find something.
    random = [measure_weights(small_zoo.config, None, seed) for seed in (0, 1)]
    assert random[0] != random[1] and random[0]['retrieval/motion_mean_cosine'] < 0.9999
    # Nothing is left behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == ['still.pth', 'zoo']
