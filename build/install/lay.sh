# What every installer of Holdfast does on a device, in POSIX sh: it is copied into install.sh and into the package's scripts.
#
#   /opt/holdfast/start                what the unit runs
#   /opt/holdfast/current -> versions/a
#   /opt/holdfast/versions/a, b        a version each: the one that runs, and the one before or the next
#
# The first version is laid as it is. Any other one goes through `holdfast update` of the version that runs, which puts it on
# trial and comes back by itself; nothing here replaces a program under a device that depends on it.

HOLDFAST_DIR=${HOLDFAST_DIR:-/opt/holdfast}
HOLDFAST_STATE=${HOLDFAST_STATE:-/var/lib/holdfast}

say() { printf '%s: %s\n' "$ME" "$*" >&2; }

# fail CAUSE REMEDY
fail() {
  say "$1"
  [ -z "${2:-}" ] || say "  $2"
  exit 1
}

# must COMMAND…: where it fails, so does the whole, whatever context that runs in.
must() { "$@" || fail "this failed: $*" "Is the disk full, or read-only? Whatever ran before runs on."; }

# The version that is started next; nothing where there is none.
current_version() {
  [ -x "$HOLDFAST_DIR/current/holdfast" ] || return 0
  version_of "$HOLDFAST_DIR/current/holdfast"
}

version_of() { "$1" version --json 2>/dev/null | sed -n 's/.*"version": *"\([^"]*\)".*/\1/p'; }

other_slot() {
  case $(readlink "$HOLDFAST_DIR/current" 2>/dev/null) in
    versions/a) echo b ;;
    *) echo a ;;
  esac
}

# systemd is the init of this machine, and not merely installed, as in a chroot or an image that is being made.
has_systemd() { [ -d /run/systemd/system ]; }
is_active() { has_systemd && systemctl --quiet is-active "$1"; }
has_joined() { [ -e "$HOLDFAST_STATE/identity.json" ]; }

free_kib() {
  where=$1
  while [ ! -d "$where" ]; do where=$(dirname "$where"); done
  df -Pk "$where" | awk 'NR == 2 { print $4 }'
}

# need_space DIRECTORY KIB
need_space() {
  free=$(free_kib "$1")
  [ "${free:-0}" -ge "$2" ] || fail "there is no space in $1: $(($2 / 1024 + 1)) MiB are needed, $((free / 1024)) are free" \
    "Free some space on that disk. Whatever ran before runs on."
}

# Unpacks PACKED (gzip) to slot $2, by a name that nothing starts until it has answered.
unpack_to_slot() {
  packed=$1
  slot=$2
  draft=$HOLDFAST_DIR/versions/draft
  must rm -rf "$draft"
  must mkdir -p "$draft"
  must chmod 755 "$HOLDFAST_DIR" "$HOLDFAST_DIR/versions" "$draft"
  gzip -dc "$packed" >"$draft/holdfast" || fail "$packed does not unpack" "It was cut short on its way here, or the disk is full."
  must chmod 755 "$draft/holdfast"
  laid=$(version_of "$draft/holdfast")
  [ -n "$laid" ] || fail "the program does not start here: $("$draft/holdfast" version 2>&1 | head -n 3)" \
    "Is it made for this processor ($(uname -m)), and is glibc new enough? Whatever ran before runs on."
  list=$(printf '{"version":"%s","sha256":"%s"}' "$laid" "$(sha256sum "$packed" | cut -c1-64)")
  { printf '%s\n' "$list" >"$draft/build.json" && sync "$draft/holdfast" "$draft/build.json" "$draft"; } ||
    fail "$draft takes no writes" "Is the disk full, or read-only? Whatever ran before runs on."
  must rm -rf "$HOLDFAST_DIR/versions/$slot"
  must mv "$draft" "$HOLDFAST_DIR/versions/$slot"
  must sync "$HOLDFAST_DIR/versions"
}

point_to_slot() {
  must rm -f "$HOLDFAST_DIR/current.new"
  must ln -s "versions/$1" "$HOLDFAST_DIR/current.new"
  must mv -T "$HOLDFAST_DIR/current.new" "$HOLDFAST_DIR/current"
  must sync "$HOLDFAST_DIR"
}

# The starter from $1: replaced in one step, so that one which runs goes on reading what it began with.
lay_starter() {
  ! cmp -s "$1" "$HOLDFAST_DIR/start" || return 0
  must cp "$1" "$HOLDFAST_DIR/start.new"
  must chmod 755 "$HOLDFAST_DIR/start.new"
  must sync "$HOLDFAST_DIR/start.new"
  must mv "$HOLDFAST_DIR/start.new" "$HOLDFAST_DIR/start"
}

# Without a trial, where nothing depends on it: the first version, and any on a device that has not joined.
lay_plainly() {
  unpack_to_slot "$1" "$(other_slot)"
  rm -f "$HOLDFAST_DIR/versions/unconfirmed" "$HOLDFAST_DIR/versions/update.json"
  point_to_slot "$slot"
}

# A relay alone has no trial of its own: it must come up and stay up for a while, or the version before is started again.
lay_under_relay() {
  before=$(readlink "$HOLDFAST_DIR/current")
  lay_plainly "$1"
  systemctl restart holdfast-relay || :
  left=10
  while [ "$left" -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    if is_active holdfast-relay && [ "$(systemctl show -p NRestarts --value holdfast-relay)" = 0 ]; then continue; fi
    point_to_slot "${before#versions/}"
    systemctl restart holdfast-relay || :
    say "the relay did not stay up with version $laid: the version before runs again"
    return 1
  done
}

# lay PACKED VERSION STARTER [words for \`holdfast update\`]: 0 where that version runs, is laid, or was there already;
# 1 where this device stays with what it has, and why is said.
lay() {
  packed=$1 version=$2 starter=$3
  shift 3
  running=$(current_version)
  if [ "$running" = "$version" ]; then
    lay_starter "$starter"
    return 0
  fi
  # What unpacks beside it, and something for the agent; an update asks for what it needs itself.
  need_space "$HOLDFAST_DIR" $(($(gzip -l "$packed" | awk 'NR == 2 { print int($2 / 1024) }') + 16384))
  if [ -z "$running" ]; then
    lay_plainly "$packed"
    lay_starter "$starter"
    return 0
  fi
  lay_starter "$starter"
  if is_active holdfast-relay; then
    lay_under_relay "$packed"
  elif has_joined; then
    "$HOLDFAST_DIR/current/holdfast" update "$packed" "$@" || {
      say "version $version does not run on this device, see above: $(current_version) does, as before"
      return 1
    }
  else
    lay_plainly "$packed"
  fi
}

# What a removed program would leave behind: the kernel's part, what it unpacked of itself, and the program.
remove_program() {
  rm -rf "$HOLDFAST_DIR" /run/holdfast
  rmdir /run/wireguard 2>/dev/null || :
}
