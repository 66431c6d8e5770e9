"""From a file to its frames by number: demuxing, the index, decoding, conversion."""
