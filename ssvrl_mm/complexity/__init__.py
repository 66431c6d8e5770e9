"""What ``tools/analysis/get_flops.py`` counts: multiply-adds and parameters of backbones."""
