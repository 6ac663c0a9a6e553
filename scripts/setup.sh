#!/usr/bin/env bash
# Makes .venv with the pinned versions, and installs the system libraries that headless rendering needs.
set -euo pipefail
export PIP_ROOT_USER_ACTION=ignore  # as a variable: pip 22.0 does not know the option
home=${HOME:-/nonexistent}
cd "$(dirname "$0")/.."

say() { printf '\033[1m%s\033[0m\n' "$*"; }
die() { printf 'setup: %s\n' "$*" >&2; exit 1; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo "$@"
  else return 1
  fi
}

apt_updated=""
apt_install() {
  command -v apt-get >/dev/null || return 1
  if [ -z "$apt_updated" ]; then as_root apt-get -qq update || return 1; apt_updated=1; fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null
}

find_uv() {
  if command -v uv >/dev/null; then command -v uv; return; fi
  for candidate in .uv/bin/uv "$home/.local/bin/uv" "$home/.cargo/bin/uv"; do
    if [ -x "$candidate" ]; then echo "$candidate"; return; fi
  done
}

get_uv() {
  UV=$(find_uv)
  [ -z "$UV" ] || return 0
  say "Getting uv"
  if ! python3 -m pip --version >/dev/null 2>&1; then
    apt_install python3-pip ||
      die "neither uv nor pip is here: install python3-pip (apt-get install python3-pip) or uv, then run this again"
  fi
  python3 -m pip install --quiet --disable-pip-version-check --target .uv uv
  UV=.uv/bin/uv
}

find_python() {
  if command -v python3.12 >/dev/null && python3.12 -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then
    command -v python3.12; return
  fi
  local root
  root=${PYENV_ROOT:-$home/.pyenv}
  for candidate in "$root"/versions/3.12*/bin/python3.12; do
    if [ -x "$candidate" ]; then echo "$candidate"; return; fi
  done
  echo 3.12  # uv looks further and downloads one where none is found
}

has_library() { python3 -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null; }

has_egl() {  # the loader and any vendor's driver: Mesa's, which also renders on a CPU, or NVIDIA's
  has_library libEGL.so.1 || return 1
  if has_library libEGL_mesa.so.0; then has_software_renderer; else has_library libEGL_nvidia.so.0; fi
}

has_software_renderer() {  # one library since Mesa 24, one file a driver before
  ls /usr/lib/*/libgallium-*.so /usr/lib64/libgallium-*.so >/dev/null 2>&1 ||
    [ -n "$(find /usr/lib /usr/lib64 -maxdepth 3 -name 'swrast_dri.so' -print -quit 2>/dev/null)" ]
}

system_libraries() {
  [ "$(uname -s)" = Linux ] || return 0
  local packages=()
  has_egl || packages+=(libegl1 libegl-mesa0 libgl1-mesa-dri)
  has_library libGL.so.1 || packages+=(libgl1)
  has_library libOpenGL.so.0 || packages+=(libopengl0)
  if [ ${#packages[@]} -gt 0 ]; then
    say "Installing system libraries: ${packages[*]}"
    apt_install "${packages[@]}" ||
      die "headless rendering needs these system packages; run: sudo apt-get install -y ${packages[*]}"
  fi
  # torchcodec decodes LeRobot's videos with FFmpeg's libraries; the demo's datasets hold images.
  command -v ffmpeg >/dev/null || apt_install ffmpeg ||
    say "Without ffmpeg, datasets with videos cannot be read; to have it: sudo apt-get install -y ffmpeg"
}

system_libraries
get_uv
say "Installing the pinned Python packages into .venv"
[ -x .venv/bin/python ] || "$UV" venv --quiet --python "$(find_python)" .venv
"$UV" pip install --quiet --python .venv/bin/python --constraints constraints.txt --editable '.[sim,viz,dev]'
say "Ready: .venv/bin holds anchorvla, lerobot-train and lerobot-eval"
touch .venv/.ready
