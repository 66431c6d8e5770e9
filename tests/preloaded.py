"""What processes of tests have from the beginning: they fork from one that imports it once."""

import gc

import ssvrl_mm.apis
import ssvrl_mm.datasets
import ssvrl_mm.engine
import ssvrl_mm.models.recognizers  # noqa: F401

# mmengine collects garbage whenever a dataset is built: a fifth of a second among all modules.
gc.freeze()
