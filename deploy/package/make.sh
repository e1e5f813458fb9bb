#!/usr/bin/env bash
# make.sh BUILD OUT: what users install, from a finished release build. Called by `./dev package`, which brings the tools.
#   kneepoint_VERSION_ARCH.deb             for Debian 12: programs, plans, man pages, completion, a systemd unit
#   kneepoint-VERSION-linux-MACHINE.tar.gz runs from any folder on glibc 2.36 or newer: its libraries lie beside it
#   *.spdx.json                            what is in each (SPDX 2.3); SHA256SUMS of all
set -euo pipefail
build=$(cd "$1" && pwd); mkdir -p "$2"; out=$(cd "$2" && pwd)
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=$("$build/bin/kneepoint" --version | awk '{print $1}')
programs=(kneepoint kneepoint-agent kneepoint-simhost)
commands=(run quick init validate report replay compare serve schema)
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# The same bytes from the same build: every file carries the instant of the last change to the sources.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || stat -c %Y "$build/bin/kneepoint")}

# What both packages hold, below a prefix.
stage() {
  local prefix=$1 command program
  DESTDIR='' cmake --install "$build" --prefix "$prefix" --strip >/dev/null
  install -d "$prefix/share/man/man1" "$prefix/share/bash-completion/completions" "$prefix/share/zsh/vendor-completions" \
    "$prefix/share/fish/vendor_completions.d"
  for program in "${programs[@]}"; do
    help2man --no-info --no-discard-stderr --version-string "$version" "$build/bin/$program" |
      gzip -9n >"$prefix/share/man/man1/$program.1.gz"
  done
  for command in "${commands[@]}"; do
    printf '#!/bin/sh\nexec "%s" "%s" --help\n' "$build/bin/kneepoint" "$command" >"$work/kneepoint-$command"
    chmod +x "$work/kneepoint-$command"
    help2man --no-info --no-discard-stderr --version-string "$version" "$work/kneepoint-$command" |
      gzip -9n >"$prefix/share/man/man1/kneepoint-$command.1.gz"
  done
  "$build/bin/kneepoint" completion bash >"$prefix/share/bash-completion/completions/kneepoint"
  "$build/bin/kneepoint" completion zsh >"$prefix/share/zsh/vendor-completions/_kneepoint"
  "$build/bin/kneepoint" completion fish >"$prefix/share/fish/vendor_completions.d/kneepoint.fish"
}

# Of a program: the shared libraries that it needs, all of them.
libraries() { ldd "$1" | awk '$2 == "=>" {print $3}'; }

# The C library and its parts come with the system: they belong to its kernel and its name service.
is_of_the_system() { [[ $1 =~ /(libc|libm|libdl|librt|libpthread|libresolv|ld-linux[^/]*)\.so ]]; }

same_instants() { find "$1" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +; }

debian() {
  local root=$work/deb arch depends
  arch=$(dpkg --print-architecture)
  stage "$root/usr"
  install -D -m 644 "$here/kneepoint-agent.service" "$root/usr/lib/systemd/system/kneepoint-agent.service"
  install -D -m 644 "$here/kneepoint-agent.default" "$root/etc/default/kneepoint-agent"
  install -D -m 644 "$here/../../LICENSE" "$root/usr/share/doc/kneepoint/copyright"
  # dpkg-shlibdeps wants a source package's folder around it.
  mkdir -p "$work/source/debian"; : >"$work/source/debian/control"
  depends=$(cd "$work/source" && dpkg-shlibdeps -O "${programs[@]/#/$root/usr/bin/}" 2>/dev/null | sed 's/^shlibs:Depends=//')
  install -d "$root/DEBIAN"
  echo /etc/default/kneepoint-agent >"$root/DEBIAN/conffiles"
  cat >"$root/DEBIAN/control" <<END
Package: kneepoint
Version: $version
Architecture: $arch
Maintainer: The Kneepoint authors <kneepoint@localhost>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $depends, ca-certificates
Section: utils
Priority: optional
Description: finds the concurrency at which an LLM serving host saturates
 A coordinator reads a plan of concurrency ramps and drives agents, which hold
 thousands of HTTP streams open against hosts that speak the OpenAI API. The
 report has a row for every concurrency, and a verdict that says why.
END
  same_instants "$root"
  dpkg-deb --build --root-owner-group "$root" "$out/kneepoint_${version}_${arch}.deb" >/dev/null
  libraries "$root/usr/bin/kneepoint" >"$work/libraries"
  /usr/bin/python3 "$here/sbom.py" "kneepoint_${version}_${arch}.deb" "$version" "$work/libraries" >"$out/kneepoint_${version}_${arch}.spdx.json"
}

tarball() {
  local name root library
  name=kneepoint-$version-linux-$(uname -m); root=$work/$name
  stage "$root"
  install -m 644 "$here/../../LICENSE" "$root/LICENSE"
  install -d "$root/lib" "$root/share/doc/licenses"
  for program in "${programs[@]}"; do libraries "$root/bin/$program"; done | sort -u >"$work/all"
  : >"$work/libraries"
  while read -r library; do
    is_of_the_system "$library" && continue
    echo "$library" >>"$work/libraries"
    install -m 644 "$(readlink -f "$library")" "$root/lib/$(basename "$library")"
    patchelf --force-rpath --set-rpath "\$ORIGIN" "$root/lib/$(basename "$library")"
  done <"$work/all"
  for program in "${programs[@]}"; do patchelf --force-rpath --set-rpath "\$ORIGIN/../lib" "$root/bin/$program"; done
  # The licences of what is carried along.
  while read -r library; do
    local package
    package=$(dpkg-query -S "*/$(basename "$(readlink -f "$library")")" | head -n 1 | cut -d: -f1)
    install -m 644 "/usr/share/doc/$package/copyright" "$root/share/doc/licenses/$package"
  done <"$work/libraries"
  same_instants "$root"
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner -c "$name" | gzip -9n >"$out/$name.tar.gz"
  /usr/bin/python3 "$here/sbom.py" "$name.tar.gz" "$version" "$work/libraries" >"$out/$name.spdx.json"
}

rm -f "$out"/kneepoint[_-]* "$out/SHA256SUMS"
debian
tarball
(cd "$out" && sha256sum kneepoint[_-]* >SHA256SUMS)
ls -l --block-size=K "$out"
