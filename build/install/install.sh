#!/bin/sh
# Installs Holdfast on this device, updates it, or takes it away. Debian and its kin have packages for that, which do the same;
# this is for all other Linux with glibc, and for where no package manager reaches.
#
#   ./install.sh --airgap DIR                  from a directory that holds a release; nothing is fetched
#   ./install.sh --from URL                    from a release at that address; goes on where a download broke off
#   … --join URL --token TOKEN [--name NAME]   joins the network, and starts the agent
#   … --key FILE                               the key that the release must be signed with, as you know it from elsewhere
#   … --unsigned                               where no signature can be checked, or none is there
#   ./install.sh --uninstall                   leaves the network and removes everything
#
# Safe to repeat. Whatever goes wrong, a version that runs already runs on.

set -eu
umask 022
ME=install.sh

#@LAY@

ETC=/etc/holdfast
UNITS=/etc/systemd/system
CACHE=/var/cache/holdfast
LINK=/usr/local/bin/holdfast
SHARE=/usr/local/share

# The key that this release is signed with. A key that the device knows, or that --key names, comes before it.
release_key() {
  cat <<'KEY'
#@KEY@
KEY
}

print_starter() {
  cat <<'STARTER'
#@STARTER@
STARTER
}

print_unit() {
  case $1 in
#@UNITS@
  esac
}

print_environment() {
  cat <<'ENVIRONMENT'
#@ENVIRONMENT@
ENVIRONMENT
}

usage() {
  sed -n '2,/^$/s/^# \{0,1\}//p' "$0" 2>/dev/null || echo "usage: install.sh --airgap DIR | --from URL | --uninstall"
}

there() { command -v "$1" >/dev/null 2>&1; }

need() {
  there "$1" || fail "the program $1 is missing" "Install the package $2 first."
}

# linux-x64 or linux-arm64, by what programs run here: a 64-bit kernel may carry a 32-bit system.
target() {
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s), and Holdfast runs on Linux"
  [ "$(getconf LONG_BIT 2>/dev/null || echo 64)" = 64 ] || fail "this system is 32-bit" "Install the 64-bit one: the processor may well be able to."
  case $(uname -m) in
    x86_64 | amd64) echo linux-x64 ;;
    aarch64 | arm64) echo linux-arm64 ;;
    *) fail "there is no Holdfast for $(uname -m)" "It is made for x86_64 and aarch64." ;;
  esac
}

# at_least 2.36 2.34: by numbers, not by letters.
at_least() {
  [ "$(printf '%s\n%s\n' "$2" "$1" | sort -t. -k1,1n -k2,2n | head -n 1)" = "$2" ]
}

check_host() {
  [ "$(id -u)" = 0 ] || fail "only root can install" "Run it with sudo."
  kernel=$(uname -r | sed 's/^\([0-9]*\.[0-9]*\).*/\1/')
  at_least "$kernel" 4.18 || fail "the kernel is $kernel, and the program needs 4.18" "Update the system first."
  need gzip gzip
  need sha256sum coreutils
  need awk mawk
  for word in wg:wireguard-tools nft:nftables ip:iproute2; do
    there "${word%%:*}" || missing="${missing:-} ${word#*:}"
  done
  # nft asks it for names of protocols.
  [ -e /etc/protocols ] || missing="${missing:-} netbase"
  [ -z "${missing:-}" ] && return
  if [ "$mode" = from ] && there apt-get; then
    say "installs:$missing"
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null && return
  fi
  fail "packages are missing:$missing" "Install them by whatever this system is kept with, then run this again."
}

check_glibc() {
  found=$(getconf GNU_LIBC_VERSION 2>/dev/null | awk '{ print $2 }')
  [ -n "$found" ] || fail "this system has no glibc" "Systems with musl, such as Alpine, are not supported."
  at_least "$found" "$1" || fail "glibc is $found, and the program needs $1" "Debian 12, Raspberry Pi OS bookworm, or newer have it."
}

# field NAME FIELD: what the manifest says of the file of that name. Canonical JSON: one line, and sorted.
field() {
  tr '{}' '\n\n' <"$work/release.json" | grep -F "\"name\":\"$1\"," | sed -n "s/.*\"$2\":\"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1
}

# The oldest glibc stands before what lies behind gzip.
glibc_of() {
  tr '{}' '\n\n' <"$work/release.json" | grep -F -B 1 "\"name\":\"$1.gz\"," | sed -n 's/.*"glibc":"\([0-9.]*\)".*/\1/p' | head -n 1
}

# The one version that is not of a file.
release_version() {
  tr '{}' '\n\n' <"$work/release.json" | sed -n 's/.*"version":"\([^"]*\)".*/\1/p' | tail -n 1
}

# The keys that count, a file each in $work/keys: openssl reads the first of a file and no other.
split_keys() {
  rm -rf "$work/keys"
  mkdir "$work/keys"
  awk -v to="$work/keys/" '/-----BEGIN PUBLIC KEY-----/ { n++ } n { print > (to n ".pem") }' "$1"
  [ -n "$(ls "$work/keys")" ] || fail "there is no key in $1" "An Ed25519 public key in PEM is expected, as in release-key.pem."
}

refuse_unsigned() {
  [ "$unsigned" = yes ] || fail "$1" "${2:-} Or insist with --unsigned: then only digests are checked, against a list that anybody may have written."
  say "not checked, as you insist: $1"
}

check_signature() {
  if [ -n "$key" ]; then
    [ -r "$key" ] || fail "there is no key $key"
    cp "$key" "$work/trusted.pem"
  elif [ -e "$ETC/release-keys.pem" ]; then
    cp "$ETC/release-keys.pem" "$work/trusted.pem"
  else
    release_key >"$work/trusted.pem"
  fi
  if ! there openssl || ! openssl pkeyutl -help 2>&1 | grep -q -e -rawin; then
    refuse_unsigned "the signature of the release can't be checked: openssl 3 is not here." "Install openssl, version 3."
    return 0
  fi
  split_keys "$work/trusted.pem"
  [ -s "$work/release.json.sig" ] || {
    refuse_unsigned "the release has no signature" "Bring release.json.sig, too."
    return 0
  }
  for one in "$work"/keys/*.pem; do
    if openssl pkeyutl -verify -pubin -inkey "$one" -rawin -in "$work/release.json" -sigfile "$work/release.json.sig" >/dev/null 2>&1; then
      say "signed by a key that counts here"
      return 0
    fi
  done
  # Of what is there and wrong, nobody wants to hear that it may be taken all the same.
  fail "the release is not signed by a key that counts here" \
    "Was it changed on its way? Or has its publisher another key now: then name that with --key, if you know it from elsewhere."
}

# fetch NAME TO: whole at the end, or an error. What came stays for the next try.
fetch() {
  status=0
  if there curl; then
    curl -fsSL --proto '=https,http' --retry 3 -C - -o "$2.part" "$from/$1" || status=$?
    # 33: this server does not go on where it was.
    if [ "$status" = 33 ]; then
      status=0
      curl -fsSL --proto '=https,http' --retry 3 -o "$2.part" "$from/$1" || status=$?
    fi
  elif there wget; then
    wget -q -c -t 3 -O "$2.part" "$from/$1" || status=$?
  else
    fail "neither curl nor wget is here" "Install one, or bring the release in a directory: --airgap DIR."
  fi
  [ "$status" = 0 ] ||
    fail "$from/$1 can't be fetched" "Is the address right, and does this device reach it? What came is kept: run this again to go on."
  must mv "$2.part" "$2"
}

# The list and its signature: small, so always anew.
bring_list() {
  if [ "$mode" = airgap ]; then
    [ -r "$airgap/release.json" ] || fail "there is no release in $airgap" "It holds release.json, release.json.sig and the files that these name."
    cp "$airgap/release.json" "$work/release.json"
    [ ! -r "$airgap/release.json.sig" ] || cp "$airgap/release.json.sig" "$work/release.json.sig"
  else
    fetch release.json "$work/release.json"
    fetch release.json.sig "$work/release.json.sig"
  fi
}

# Bytes; 0 where there is no such file.
size_of() { if [ -e "$1" ]; then wc -c <"$1" | tr -d ' '; else echo 0; fi; }

# The program behind gzip, as $packed, held to the list before anything looks into it.
bring_program() {
  name=holdfast-$(target).gz
  digest=$(field "$name" sha256)
  size=$(field "$name" size)
  [ -n "$digest" ] || fail "this release has nothing for $(target)" "Bring the files for that processor."
  glibc=$(glibc_of "holdfast-$(target)")
  [ -z "$glibc" ] || check_glibc "$glibc"
  if [ "$mode" = airgap ]; then
    packed=$airgap/$name
    [ -r "$packed" ] || fail "$packed is missing" "The list names it: bring it, too."
  else
    packed=$CACHE/$name
    must mkdir -p "$CACHE"
    # What is left of another release would never become this one.
    [ "$(cat "$CACHE/of" 2>/dev/null)" = "$digest" ] || { rm -f "$packed" "$packed.part" && echo "$digest" >"$CACHE/of"; }
    need_space "$CACHE" $((size / 1024))
    # Cut off between its last byte and its name.
    [ "$(size_of "$packed.part")" != "$size" ] || must mv "$packed.part" "$packed"
    [ -e "$packed" ] || fetch "$name" "$packed"
  fi
  [ "$(size_of "$packed")" = "$size" ] && [ "$(sha256sum "$packed" | cut -c1-64)" = "$digest" ] && return
  [ "$mode" = airgap ] || rm -f "$packed"
  fail "$packed is not the file that the release lists: it was changed, or cut short on its way" "Bring it again. Whatever ran before runs on."
}

# Before the program: an update of the version that runs is held to them.
lay_keys() {
  must mkdir -p "$ETC"
  if [ -n "$key" ] || [ ! -e "$ETC/release-keys.pem" ]; then must cp "$work/trusted.pem" "$ETC/release-keys.pem"; fi
}

lay_program() {
  version=$(release_version)
  say "version $version for $(target)"
  print_starter >"$work/start"
  set -- --manifest "$work/release.json"
  [ "$unsigned" = no ] || set -- --unsigned
  lay "$packed" "$version" "$work/start" "$@"
}

lay_texts() {
  must mkdir -p "${LINK%/*}"
  [ -e "$ETC/agent.env" ] || print_environment >"$ETC/agent.env"
  must ln -sfn "$HOLDFAST_DIR/current/holdfast" "$LINK"
  mkdir -p "$SHARE/man/man1" "$SHARE/bash-completion/completions"
  "$LINK" man >"$SHARE/man/man1/holdfast.1" || :
  "$LINK" completion bash >"$SHARE/bash-completion/completions/holdfast" || :
  there systemctl || return 0
  mkdir -p "$UNITS"
  for unit in holdfast holdfast@ holdfast-boot holdfast-drain holdfast-drain@ holdfast-netns@ holdfast-relay; do
    print_unit "$unit" >"$UNITS/$unit.service"
  done
  ! has_systemd || systemctl daemon-reload
  is_active holdfast-relay || systemctl --quiet enable holdfast.service || :
}

join_network() {
  [ -n "$join" ] || return 0
  if has_joined; then
    say "this device has joined already: $("$LINK" status 2>/dev/null | head -n 1 || :)"
    return 0
  fi
  set -- "$join"
  [ -z "$node_name" ] || set -- "$@" --name "$node_name"
  # The token is secret: not in a list of processes.
  HOLDFAST_TOKEN=$token "$LINK" join "$@" || fail "the device could not join, see above" "It is installed; join later: holdfast join URL --token TOKEN"
}

start_agent() {
  if ! has_joined; then
    say "installed. Next: holdfast join URL --token TOKEN, then: $(how_to_start)"
  elif is_active holdfast-relay; then
    say "installed; the relay runs"
  elif has_systemd; then
    systemctl start holdfast.service || fail "the agent does not start" "See: journalctl -u holdfast"
    say "installed, and running: holdfast status"
  else
    say "installed, and joined. No systemd runs here: let your supervisor run $(how_to_start)"
  fi
}

how_to_start() {
  if has_systemd; then
    echo "systemctl start holdfast"
  else
    echo "$HOLDFAST_DIR/start agent (again after every end but 0; 75 is an update)"
  fi
}

install_all() {
  check_host
  ! { there dpkg-query && dpkg-query -W -f '${Status}' holdfast 2>/dev/null | grep -q ' installed$'; } ||
    fail "Holdfast is here as a package of Debian" "Update it with apt, or remove that first: apt-get remove holdfast."
  bring_list
  check_signature
  bring_program
  lay_keys
  lay_program || kept=yes
  lay_texts
  rm -rf "$CACHE"
  [ "${kept:-no}" = no ] || exit 1
  join_network
  start_agent
}

uninstall_all() {
  [ "$(id -u)" = 0 ] || fail "only root can uninstall" "Run it with sudo."
  ! { there dpkg-query && dpkg-query -W -f '${Status}' holdfast 2>/dev/null | grep -q ' installed$'; } ||
    fail "Holdfast is here as a package of Debian" "holdfast leave; apt-get purge holdfast"
  if has_systemd; then
    for unit in holdfast-drain holdfast holdfast-relay holdfast-boot; do
      systemctl --quiet stop "$unit.service" 2>/dev/null || :
    done
  fi
  if [ -x "$HOLDFAST_DIR/current/holdfast" ]; then
    for network in "$HOLDFAST_STATE"/networks/*/; do
      [ -d "$network" ] || continue
      network=$(basename "$network")
      ! has_systemd || systemctl --quiet stop "holdfast-drain@$network.service" 2>/dev/null || :
      ! has_systemd || systemctl --quiet disable --now "holdfast@$network.service" 2>/dev/null || :
      "$HOLDFAST_DIR/current/holdfast" leave --purge --network "$network" ||
        fail "the device could not leave the network $network, see above" "Nothing is removed yet: run this again."
    done
    if [ -d "$HOLDFAST_STATE" ]; then
      "$HOLDFAST_DIR/current/holdfast" leave --purge || fail "the device could not leave, see above" "Nothing is removed yet: run this again."
    else
      "$HOLDFAST_DIR/current/holdfast" down >/dev/null || say "the kernel could not be cleaned, see above; a restart of the machine does it"
    fi
  elif [ -d "$HOLDFAST_STATE" ]; then
    fail "the program is gone, and the state in $HOLDFAST_STATE is not" "Install it again to leave the network in good order, or remove that directory."
  fi
  if there systemctl; then systemctl --quiet disable holdfast.service holdfast-relay.service holdfast-boot.service 2>/dev/null || :; fi
  for unit in holdfast holdfast@ holdfast-boot holdfast-drain holdfast-drain@ holdfast-netns@ holdfast-relay; do
    rm -f "$UNITS/$unit.service" "$UNITS/multi-user.target.wants/$unit.service" "$UNITS/sysinit.target.wants/$unit.service"
  done
  ! has_systemd || systemctl daemon-reload || :
  rm -f "$LINK" "$SHARE/man/man1/holdfast.1" "$SHARE/bash-completion/completions/holdfast"
  # Only where they were made for this, and hold nothing else.
  rmdir "$SHARE/bash-completion/completions" "$SHARE/bash-completion" "$SHARE/man/man1" 2>/dev/null || :
  rm -rf "$ETC" "$CACHE" "$HOLDFAST_STATE"
  remove_program
  say "nothing of Holdfast is left here"
}

clean_up() {
  [ -z "${work:-}" ] || rm -rf "$work"
  # Our own: another one may be that of an update which is under way.
  [ -z "${draft:-}" ] || rm -rf "$draft"
}

main() {
  mode='' airgap='' from='' key='' unsigned=no join='' token=${HOLDFAST_TOKEN:-} node_name=''
  while [ $# -gt 0 ]; do
    case $1 in
      --airgap | --from | --key | --join | --token | --name)
        [ $# -ge 2 ] || fail "$1 needs a value" "See: install.sh --help"
        case $1 in
          --airgap) mode=airgap airgap=${2%/} ;;
          --from) mode=from from=${2%/} ;;
          --key) key=$2 ;;
          --join) join=$2 ;;
          --token) token=$2 ;;
          --name) node_name=$2 ;;
        esac
        shift 2
        ;;
      --unsigned) unsigned=yes && shift ;;
      --uninstall) mode=uninstall && shift ;;
      -h | --help) usage && exit 0 ;;
      *) usage >&2 && fail "there is no such word: $1" ;;
    esac
  done
  [ -n "$mode" ] || { usage >&2 && exit 2; }
  [ -z "$join" ] || [ -n "$token" ] || fail "--join needs --token" "The hub prints one: holdfast-hub token create"
  # Two at once would lay their files among each other.
  if there flock && [ -f "$0" ]; then
    exec 9<"$0"
    flock -n 9 || fail "another install.sh is under way" "Wait for its end."
  fi
  if [ "$mode" = uninstall ]; then
    uninstall_all
    return
  fi
  work=$(mktemp -d)
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  install_all
}

# The last line, so that a script that came in part does nothing.
main "$@"
