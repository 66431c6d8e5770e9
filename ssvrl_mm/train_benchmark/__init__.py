"""What ``tools/analysis/benchmark_train.py`` measures, and how."""
