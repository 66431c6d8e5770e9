"""A live page of what the codec of a video knows: ``python -m ssvrl_mm.viewer FOLDER``."""
