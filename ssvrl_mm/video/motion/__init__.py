"""Motion: the vectors of the bitstream, optical flow, and what can be done with either."""
