// A container of a host, as far as its network goes.

import { asking, type Protocol } from './conversation.ts'
import type { Host } from './host.ts'

/** A network namespace behind a pair of devices, as container engines make them. */
export async function containerAt(host: Host): Promise<void> {
  await host.exec(['ip', 'netns', 'add', 'box'])
  const outside = [
    'link add box0 type veth peer name eth0 netns box',
    'address add 172.30.0.1/24 dev box0',
    'link set box0 up',
  ]
  // By the host's own mounts, where the name of the namespace is.
  await host.exec(['ip', '-batch', '-'], { input: `${outside.join('\n')}\n` })
  const inside = ['address add 172.30.0.2/24 dev eth0', 'link set eth0 up', 'route add default via 172.30.0.1']
  await host.exec(['ip', '-n', 'box', '-batch', '-'], { input: `${inside.join('\n')}\n` })
  await host.exec(['sysctl', '-q', '-w', 'net.ipv4.ip_forward=1'])
}

/** The address that the server saw; empty where nothing came back. */
export async function askFromContainer(host: Host, protocol: Protocol, address: string, port: number): Promise<string> {
  const { stdout } = await host.attempt(['ip', 'netns', 'exec', 'box', ...asking(protocol, address, port)])
  return stdout.trim().split(' ')[0] ?? ''
}
