#!/usr/bin/env bash
# Tags a release of all modules, which share one version: api first, then sdk, which requires it, then the root, which requires both.
# Inside the repository the workspace ties the modules together, so no go.mod names another of ours until here; a release commit
# that is on no branch adds those requirements and the checksums, and the tags point to it.
# Usage: deploy/release.sh v1.2.3, in a clean checkout whose "origin" takes the tags. Nothing is pushed but tags.
set -euo pipefail
version=${1:?usage: deploy/release.sh vX.Y.Z}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]] || { echo "release: $version is not a version like v1.2.3" >&2; exit 2; }
cd "$(dirname "$0")/.."
[ -z "$(git status --porcelain)" ] || { echo "release: the checkout has changes: commit or remove them" >&2; exit 1; }
from=$(git rev-parse HEAD)
branch=$(git symbolic-ref -q --short HEAD || true)
trap 'git checkout -q --force "${branch:-$from}"' EXIT
git checkout -q --detach
base=github.com/aionrun/aion
export GOWORK=off GOPRIVATE=$base GOFLAGS=-mod=mod

# tag MODULE TAG REQUIRED…: requires what is tagged already, tidies, commits, tags, pushes the tag.
tag() {
  local dir=$1 name=$2
  shift 2
  for module in "$@"; do (cd "$dir" && go mod edit -require="$base/$module@$version"); done
  (cd "$dir" && go mod tidy)
  git add -A "$dir"
  git diff --cached --quiet || git commit -q -m "Release $name"
  git tag -a "$name" -m "$name"
  git push -q origin "refs/tags/$name"
  echo "tagged $name"
}

tag api "api/$version"
tag sdk "sdk/$version" api
tag . "$version" api sdk
