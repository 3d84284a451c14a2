#!/usr/bin/env bash
# Lays out the root file system of an image and builds it: deploy/image.sh NAME server|pure|worker. "pure" is the server without CGO, and so without
# libSQL; "worker" is the worker of examples/hello. It uses docker, podman or
# buildah, whichever is there, or IMAGE_TOOL; BUILD_FLAGS goes to it.
set -euo pipefail
cd "$(dirname "$0")/.."

name=${1:?deploy/image.sh NAME server|pure|worker}
kind=${2:?deploy/image.sh NAME server|pure|worker}
context=build/container/$kind
root=$context/image
file=deploy/Dockerfile

rm -rf "$context"
mkdir -p "$root/data" "$root/tmp" "$root/etc/ssl/certs"
chmod 1777 "$root/tmp"
case $kind in
  server)
    # The linker warns of functions that need glibc at run time: name service and dlopen, which nothing here calls.
    CGO_ENABLED=1 go build -trimpath -tags osusergo,netgo -ldflags "-s -w -linkmode external -extldflags '-static'" -o "$root/aion" ./cmd/aion 2>"$context/link.log" || { cat "$context/link.log" >&2; exit 1; }
    ;;
  pure) CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$root/aion" ./cmd/aion ;;
  worker)
    CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o "$root/worker" ./examples/hello/worker
    file=deploy/worker.Dockerfile
    ;;
  *) echo "deploy/image.sh: $kind is none of server, pure, worker" >&2; exit 2 ;;
esac
echo 'nonroot:x:65532:65532::/data:/none' > "$root/etc/passwd"
echo 'nonroot:x:65532:' > "$root/etc/group"
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" # for JWKS over https
chown -R 65532:65532 "$root/data" 2>/dev/null || chmod 0777 "$root/data"

tool=${IMAGE_TOOL:-}
if [ -z "$tool" ]; then
  if docker info >/dev/null 2>&1; then tool=docker; else tool=$(command -v podman || command -v buildah || true); fi
fi
[ -n "$tool" ] || { echo "docker (with its daemon), podman or buildah is needed to build an image" >&2; exit 1; }
command=build
[ "$(basename "$tool")" = buildah ] && command=bud
# BUILD_FLAGS are words on purpose.
# shellcheck disable=SC2086
exec "$tool" $command ${BUILD_FLAGS:-} -t "$name" -f "$file" "$context"
