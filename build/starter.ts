// `start`: what the supervisor of a device runs, outside of the slots and never updated, so it is as small as can be. It starts
// the slot that `current` leads to. One that has not proven itself is counted and timed; then the one before it is started.
//
// Its counterpart is edge/update: the mark is edge/update/mark.ts, and the model in edge/update/starter.fake.ts is held to it.

import { exportLines } from './tuning.ts'

export const starter = `#!/bin/sh
# Starts Holdfast from the slot that \`current\` leads to. Lies beside it: /opt/holdfast/start
home=$(dirname "$(readlink -f "$0")")
versions=$home/versions
mark=$versions/unconfirmed

other() { case $1 in a) echo b ;; *) echo a ;; esac; }
startable() { [ -x "$versions/$1/holdfast" ]; }

# The mark, for good, or not at all.
keep() {
  { printf '%s\\n' "$1" >"$mark.new" && sync "$mark.new" && mv "$mark.new" "$mark" && sync "$versions"; } 2>/dev/null
}

# To the other slot. Where the disk takes no writes, at least this start is one of it.
back() {
  startable "$(other "$slot")" || return
  slot=$(other "$slot")
  { rm -f "$home/current.new" && ln -s "versions/$slot" "$home/current.new" \\
    && mv -T "$home/current.new" "$home/current" && sync "$home"; } 2>/dev/null
}

# When a process was started, in ticks since boot (proc(5), field 22): its id alone may belong to another one by now.
birth() {
  read -r stat 2>/dev/null <"/proc/$1/stat" || return
  set -- \${stat##*)}
  echo "\${20}"
}

# Ends process $1 if there is no verdict in time.
guard() {
  left=$seconds
  while [ "$left" -gt 0 ]; do
    sleep 1
    left=$((left - 1))
    [ "$(birth "$1")" = "$born" ] && read -r name rest <"$mark" && [ "$name" = "$slot" ] || exit
  done
  keep "$slot $most $most $seconds late"
  kill -9 "$1"
}

slot=$(basename "$(readlink "$home/current")")
case $slot in a | b) ;; *) slot=a ;; esac
startable "$slot" || back
if read -r name starts most seconds late 2>/dev/null <"$mark" && [ "$name" = "$slot" ]; then
  case $starts$most$seconds in *[!0-9]* | '') most=0 starts=0 seconds=0 ;; esac
  if [ "$starts" -lt "$most" ] && keep "$slot $((starts + 1)) $most $seconds"; then
    # Known before there is anything else of that id.
    born=$(birth $$)
    (guard $$) </dev/null >/dev/null 2>&1 &
  else
    back
  fi
fi
export HOLDFAST_HOME="$home" HOLDFAST_SLOT="$slot"
# Read by libraries before any code of the program runs.
${exportLines('holdfast')}exec "$versions/$slot/holdfast" "$@"
`
