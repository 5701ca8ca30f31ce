#!/usr/bin/env node
// holdfast-hub: the hub and its command line.

import { text } from 'node:stream/consumers'
import { avoidPacketLeak } from '../shared/host/mqtt-bus.ts'
import { stayAwake } from '../shared/host/process.ts'
import { run } from './cli/run.ts'

// The embedded broker writes packets too, with or without a bus of ours.
avoidPacketLeak()
// `holdfast-hub get nodes | head` closes the pipe early; that is no failure.
process.stdout.on('error', () => process.exit(0))

// A function, for a single executable's program is CommonJS, which awaits nothing at its top.
async function main(): Promise<void> {
  // Timers keep no process alive: a command that only waits would end before it is done.
  const sleep = stayAwake()
  const code = await run(process.argv.slice(2), {
    env: process.env,
    color: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
    out: (words) => void process.stdout.write(words),
    err: (words) => void process.stderr.write(words),
    readInput: () => text(process.stdin),
  })
  sleep()
  // Set rather than exited with: what was written still has to reach its pipe.
  process.exitCode = code
}

void main()
