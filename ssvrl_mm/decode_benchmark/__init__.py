"""What ``tools/analysis/benchmark_decode.py`` compares, and how it measures."""
