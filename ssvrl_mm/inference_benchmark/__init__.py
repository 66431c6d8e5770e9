"""What ``tools/analysis/benchmark_inference.py`` compares, and how it measures."""
