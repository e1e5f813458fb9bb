#!/usr/bin/env bash
# Makes what a fleet with mutual TLS needs: an authority, a certificate for the coordinator, one for each agent.
#
#   deploy/certificates.sh DIR COORDINATOR[,COORDINATOR…] AGENT…
#   deploy/certificates.sh pki coordinator.example.com,10.0.0.5 agent-0 agent-1
#
# COORDINATOR: the names and addresses under which agents dial it. AGENT: the agents' --name; "*.load" stands for
# every name of the form LABEL.load. Afterwards DIR has ca.pem and ca.key, coordinator.pem and .key, and AGENT.pem
# and .key ("*" in a name becomes "any"). Called again it keeps the authority and renews the rest, each file by a
# rename: running programs take the new ones within seconds. CA_DAYS and DAYS say for how long (3650 and 90).
# ca.key makes certificates that the fleet trusts: keep it away from the load hosts.
set -euo pipefail

die() { printf 'certificates.sh: %s\n' "$*" >&2; exit 2; }

(($# >= 3)) || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//' >&2; exit 2; }
command -v openssl >/dev/null || die "openssl is not installed"
dir=$1 hosts=$2
shift 2
umask 077
mkdir -p "$dir"
work=$(mktemp -d "$dir/.new-XXXXXX")
trap 'rm -rf "$work"' EXIT

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

if [[ ! -e $dir/ca.key ]]; then
  key "$work/ca.key"
  openssl req -x509 -new -key "$work/ca.key" -subj "/CN=kneepoint fleet authority" -days "${CA_DAYS:-3650}" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/ca.pem"
  mv "$work/ca.pem" "$work/ca.key" "$dir/"
fi

# certificate FILE USAGE SAN: a key and a certificate for one role; a coordinator's is no agent's, nor the reverse.
certificate() {
  key "$work/$1.key"
  openssl req -new -key "$work/$1.key" -subj "/CN=kneepoint $1" -out "$work/$1.csr"
  printf 'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=%s\nsubjectAltName=%s\n' \
    "$2" "$3" >"$work/$1.ext"
  openssl x509 -req -in "$work/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -days "${DAYS:-90}" \
    -extfile "$work/$1.ext" -out "$work/$1.pem" 2>/dev/null
  mv "$work/$1.key" "$work/$1.pem" "$dir/"
}

san=
IFS=, read -ra listed <<<"$hosts"
for host in "${listed[@]}"; do
  kind=DNS
  [[ ! $host =~ ^[0-9.]+$ && $host != *:* ]] || kind=IP
  san+="${san:+,}$kind:$host"
done
certificate coordinator serverAuth "$san"
for agent in "$@"; do
  [[ $agent =~ ^(\*\.)?[A-Za-z0-9._-]+$ ]] || die "'$agent' cannot be a name in a certificate: letters, digits, '.', '_', '-'"
  certificate "${agent/#\*/any}" clientAuth "DNS:$agent"
done
echo "certificates of $((1 + $#)) programs in $dir, valid for ${DAYS:-90} days"
