# Where optical flow comes from: options of the reader, for the stream 'flow' of any dataset. TV-L1 takes
# too long to be computed in every epoch: it is read from files, one per video, that
# tools/data/extract_flow.py has written to these folders of the data root.
flow_sources = dict(
    stored=dict(flow_method='tvl1', flow_root='tvl1'),
    # Computed while reading: slowly by the same method, or fast by DIS.
    tvl1=dict(flow_method='tvl1'),
    dis=dict(flow_method='dis'),
)
flow = flow_sources['{{$SSVRL_FLOW:stored}}']
# The mean of each block of 2 x 2 px in the place of its values.
flow_low = dict(flow, flow_cell=2)
if 'flow_root' in flow:
    flow_low.update(flow_root='tvl1_low')
del flow_sources
