#!/usr/bin/env bash
# run.sh stock|tuned SCRIPT.py ARGUMENTS: a peer script as a user gets PyTorch from pip (stock), or with what an expert
# adds (tuned): tcmalloc, and MKL's AVX-512 path on AMD. Examples, each prints one JSON line a figure:
#   run.sh stock bench_step.py --model vit_s14_hf --batch 8 --precision f32
#   run.sh tuned bench_step.py --model dinat_tiny --batch 32 --precision bf16 --mode infer
#   run.sh tuned bench_na.py --precision f32
#   run.sh stock bench_loader.py
# Run peers and vicinity alternately on a quiet machine; `other_cpus` tells how many cores somebody else was using.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${VICINITY_PEERS:-$HOME/.cache/vicinity-peers}
case ${1:-} in
  stock) preload= ;;
  tuned) preload=$(echo "$home"/tcmalloc/usr/lib/*/libtcmalloc_minimal.so.4):$home/mkl_as_on_intel.so ;;
  *) sed -n '2,8s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
export VICINITY_PEERS=$home PEER_ENVIRONMENT=$1 HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1
script=$2
shift 2
LD_PRELOAD=$preload exec "$home/venv/bin/python" "$here/$script" "$@"
