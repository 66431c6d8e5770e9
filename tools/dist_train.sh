#!/usr/bin/env bash
# Trains with several processes on one or more nodes:
#   tools/dist_train.sh CONFIG PROCESSES_PER_NODE [arguments of tools/train.py]
# Several nodes: set NNODES, NODE_RANK (0, 1, ...) and MASTER_ADDR on each; PORT if 29500 is taken.
set -euo pipefail

if [ $# -lt 2 ]; then
    sed -n '2,4s/^# //p' "$0" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
shift 2
TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PYTHON=${PYTHON:-python}
export PYTHONPATH="$TOOLS/..${PYTHONPATH:+:$PYTHONPATH}"

# What is missing is said once, before any process is started.
"$PYTHON" "$TOOLS/train.py" "$CONFIG" --check-only "$GPUS" "$@"

# `python -m torch.distributed.run` is torchrun, in the Python that has the package.
exec "$PYTHON" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$GPUS" \
    "$TOOLS/train.py" "$CONFIG" --launcher pytorch "$@"
