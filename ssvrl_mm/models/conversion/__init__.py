"""Weights of other libraries and ours, from one to the other.

A library has a module here. It says, for each of our modules that has a counterpart there, how each
of our names is called there::

    def names(ours: Mapping[str, Tensor]) -> dict[str, str]

one to one, with a ValueError for names that are none of ours; both directions follow from it. The
module's ``LAYOUTS`` says what the files of the library hold: a
:class:`~ssvrl_mm.models.conversion.layout.Layout` of one
:class:`~ssvrl_mm.models.conversion.layout.Part` per module, with all that the weights do not show,
such as BatchNorm's epsilon.

To add a layout: write such a module, and name its ``LAYOUTS`` in
:mod:`~ssvrl_mm.models.conversion.table`. A test fills their network with random weights and
BatchNorm statistics, and compares its features with ours.
"""
