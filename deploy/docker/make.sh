#!/usr/bin/env bash
# make.sh [--no-cache] TARGET OUT [IMAGE]: the image kneepoint:latest, or IMAGE, by the Dockerfile's TARGET, and OUT/kneepoint-image.spdx.json, which
# says what is in it (SPDX 2.3). Called by `./dev image`, which brings the tools. Times and labels follow the commit: the same programs, base image and
# Debian packages give the same image, bit by bit, where the same buildah makes it (its version is a label, and it compresses the layers). That two
# compilations from source give the same programs has not been tried as a whole. Docker builds the same files, with the instant of the build on them.
set -euo pipefail
fresh=(); [[ ${1:-} != --no-cache ]] || { fresh=(--no-cache); shift; }
target=$1; mkdir -p "$2"; out=$(cd "$2" && pwd)
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd); cd "$root"
image=${3:-kneepoint:latest}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y CMakeLists.txt)}; export SOURCE_DATE_EPOCH
version=$(sed -n 's/^project(kneepoint VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
revision=$(git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
common=(--file deploy/docker/Dockerfile --build-arg "SOURCE_DATE_EPOCH=$SOURCE_DATE_EPOCH" --build-arg "VERSION=$version"
  --build-arg "REVISION=$revision" --build-arg "CREATED=$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)")
contents=$(mktemp -d); trap 'rm -rf "$contents"' EXIT

if docker info >/dev/null 2>&1; then
  docker build "${fresh[@]}" "${common[@]}" --target "$target" --tag "$image" .
  docker build "${common[@]}" --target contents --output "$contents" .
  bytes=$(docker image inspect --format '{{.Size}}' "$image")
else
  build=(buildah bud --layers --isolation chroot --timestamp "$SOURCE_DATE_EPOCH" "${common[@]}")
  "${build[@]}" "${fresh[@]}" --target "$target" --tag "$image" .
  "${build[@]}" --target contents --output "type=local,dest=$contents" .
  bytes=$(podman image inspect --format '{{.Size}}' "$image")
fi
/usr/bin/python3 deploy/package/sbom.py "$image" "$version" "$contents/packages.tsv" >"$out/kneepoint-image.spdx.json"
printf '%s: version %s, commit %s, %d MB; what is in it: %s\n' "$image" "$version" "$revision" $((bytes / 1000000)) "$out/kneepoint-image.spdx.json"
