// What this host has for the job: for `doctor`, and for what the agent reports of itself.

import { existsSync } from 'node:fs'
import { isHoldfastError } from '../../shared/errors.ts'
import type { Run } from './command.ts'
import { hasIpv6 } from './forwarding.ts'

export interface HostAbilities {
  readonly wireguard: 'kernel' | 'wireguard-go' | 'none'
  readonly wg: boolean
  readonly nft: boolean
  readonly ip: boolean
  readonly ipv6: boolean
  readonly tun: boolean
}

async function runs(run: Run, program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, args)
    return true
  } catch (error) {
    // A program that is there and refuses these words is there all the same.
    return !isHoldfastError(error, 'unsupported')
  }
}

/** True if the kernel makes WireGuard interfaces: it is tried, because modules load by themselves. */
async function kernelWireguard(run: Run, name: string): Promise<boolean> {
  try {
    await run('ip', ['link', 'add', name, 'type', 'wireguard'])
    await run('ip', ['link', 'del', 'dev', name])
    return true
  } catch {
    return existsSync('/sys/module/wireguard')
  }
}

export async function detectHost(run: Run): Promise<HostAbilities> {
  const [wg, nft, ip, userspace, kernel] = await Promise.all([
    runs(run, 'wg', ['--version']),
    runs(run, 'nft', ['--version']),
    runs(run, 'ip', ['-V']),
    runs(run, 'wireguard-go', ['--version']),
    kernelWireguard(run, `hfprobe${process.pid % 10_000}`),
  ])
  const wireguard = kernel ? 'kernel' : userspace ? 'wireguard-go' : 'none'
  return { wireguard, wg, nft, ip, ipv6: hasIpv6(), tun: existsSync('/dev/net/tun') }
}
