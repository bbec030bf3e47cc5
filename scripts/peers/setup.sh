#!/usr/bin/env bash
# Installs what we compare ourselves with, once: PyTorch, torchvision, transformers and timm at pinned versions (about
# 6 GB) in a virtual environment, tcmalloc unpacked from Debian's package, the MKL shim. Nothing outside $VICINITY_PEERS
# (default ~/.cache/vicinity-peers) is touched. With --natten also builds NATTEN 0.17.5, the last version with CPU
# kernels and relative position bias, with the optimisation that its own build leaves off (10 minutes or more).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=${VICINITY_PEERS:-$HOME/.cache/vicinity-peers}
mkdir -p "$home"
cd "$home"
[ -x venv/bin/python ] || python3 -m venv venv
venv/bin/python -m pip install --quiet --requirement "$here/requirements.txt"
gcc -O2 -shared -fPIC -o mkl_as_on_intel.so "$here/mkl_as_on_intel.c"
if ! ls tcmalloc/usr/lib/*/libtcmalloc_minimal.so.4 >/dev/null 2>&1; then
  (mkdir -p tcmalloc && cd tcmalloc && apt-get download libtcmalloc-minimal4 && dpkg -x libtcmalloc-minimal4_*.deb .)
fi
[ "${1:-}" = --natten ] || exit 0
venv/bin/python -m pip install --quiet ninja==1.13.0 cmake==3.31.6 wheel==0.45.1 setuptools==80.9.0
venv/bin/python -m pip download --quiet --no-deps --no-binary natten --no-build-isolation --dest . natten==0.17.5
export PATH=$home/venv/bin:$PATH CUDA_VISIBLE_DEVICES='' NATTEN_N_WORKERS=${JOBS:-2}
export CXXFLAGS='-O3 -march=native -DNDEBUG -fopenmp'
if grep -qw avx512f /proc/cpuinfo; then CXXFLAGS+=' -DCPU_CAPABILITY_AVX512 -DCPU_CAPABILITY=AVX512'; fi
venv/bin/python -m pip install --no-deps --no-build-isolation --upgrade --target natten natten-0.17.5.tar.gz
