// The command `relay`: forwards between nodes that can't reach each other, without being part of the mesh.

import { switchFlag, textFlag } from '../../shared/cli/parse.ts'
import { HoldfastError } from '../../shared/errors.ts'
import { inflate } from '../../shared/host/inflate.ts'
import { relayPortsMax } from '../../shared/limits.ts'
import { createHubBus } from '../host/hub-bus.ts'
import { lockState } from '../host/lock.ts'
import { describeHost } from '../host/probe.ts'
import { hubBehindOf } from '../host/settings.ts'
import { openRelayAlone } from '../relay/alone.ts'
import { defaultSessionBytesPerSecond, defaultTotalBytesPerSecond } from '../relay/open-relay.ts'
import { defaultSessionPorts } from '../relay/sessions.ts'
import type { Cli, Command } from './context.ts'

const BYTES_PER_MBIT = 125_000

function numberFlag(cli: Cli, name: string, from: number, to: number): number | undefined {
  const text = textFlag(cli.flags, name)
  if (text === undefined) return undefined
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < from || value > to) {
    throw new HoldfastError('usage', `--${name} is a number from ${from} to ${to}, not "${text.slice(0, 20)}"`)
  }
  return value
}

export const relayCommand: Command = async (cli) => {
  if (switchFlag(cli.flags, 'cleanup')) {
    const base = { port: 1, range: defaultSessionPorts, sessionBytesPerSecond: 1, totalBytesPerSecond: 1 }
    await (await cli.createForwarder(base, cli.log)).cleanup()
    cli.write('the kernel carries no relay sessions any more\n')
    return 0
  }
  const first = numberFlag(cli, 'session-port', 1_024, 65_535) ?? defaultSessionPorts.first
  const count = numberFlag(cli, 'sessions', 1, relayPortsMax) ?? defaultSessionPorts.count
  if (first + count > 65_536) {
    throw new HoldfastError('usage', `${count} session ports from ${first} on go beyond 65535`, {
      remedy: 'Give a lower --session-port or fewer --sessions.',
    })
  }
  const mbit = (name: string): number | undefined => numberFlag(cli, name, 1, 100_000)
  const range = { first, count }
  const rates = {
    sessionBytesPerSecond: (mbit('session-mbit') ?? defaultSessionBytesPerSecond / BYTES_PER_MBIT) * BYTES_PER_MBIT,
    totalBytesPerSecond: (mbit('total-mbit') ?? defaultTotalBytesPerSecond / BYTES_PER_MBIT) * BYTES_PER_MBIT,
  }
  const lock = lockState(cli.files.lock, cli.log)
  try {
    const out = await cli.createHubWay?.(cli.settings, cli.log)
    const relay = await openRelayAlone({
      ...cli,
      behind: hubBehindOf(cli.settings),
      host: describeHost(cli.probe),
      inflate,
      bus: (identity, store, onCertificate) => createHubBus({ ...cli, out, identity, store, onCertificate }),
      port: numberFlag(cli, 'port', 1, 65_534),
      tlsPort: numberFlag(cli, 'tls-port', 1, 65_535),
      rates,
      range,
      forwarder: (port) => cli.createForwarder({ port, range, ...rates }, cli.log),
    })
    cli.note(`relaying at UDP port ${relay.port}; sessions at ${first} to ${first + count - 1}`)
    const why = await cli.stopRequested()
    cli.log.info('the relay stops; bound sessions are forwarded on', { why })
    await relay.close()
    return 0
  } finally {
    lock.release()
  }
}
