// HOLDFAST_LAB_WIREGUARD=kernel: no device of the lab may have any WireGuard but the kernel's, so that a run which is to show
// that one works can't pass by another.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LabNode } from './node.ts'
import { expect } from './unmet.ts'
import { type Seen, waitFor } from './wait.ts'

const TIMEOUT_MS = 30_000
const REFUSAL = '#!/bin/sh\necho "here WireGuard is the kernel\'s, or nobody\'s" >&2\nexit 1\n'

export const onlyKernelWireguard = process.env['HOLDFAST_LAB_WIREGUARD'] === 'kernel'

/** Stands in for wireguard-go in a directory that is first in the PATH of every host. */
export function refuseUserspace(bin: string): void {
  writeFileSync(join(bin, 'wireguard-go'), REFUSAL, { mode: 0o755 })
}

/** An agent that relays alone has no interface. */
export async function expectKernelWireguard(nodes: readonly LabNode[]): Promise<void> {
  for (const { host, name } of nodes) {
    const probe = async (): Promise<Seen<string>> => {
      const { stdout } = await host.attempt(['ip', '-d', '-j', 'link', 'show', 'dev', 'hf0'])
      return stdout === '' ? { notYet: 'no interface' } : { done: stdout }
    }
    const { value } = await waitFor(`${name} has an interface`, probe, { timeoutMs: TIMEOUT_MS })
    expect(value.includes('"info_kind":"wireguard"'), `hf0 of ${name} is WireGuard in the kernel`, value)
    const sockets = await host.exec(['ls', '-A', '/run/wireguard'])
    expect(sockets === '', `no socket of another WireGuard at ${name}`, sockets)
  }
}
