// Whose dnsmasq runs here, if it reads a directory of further settings at its start.

import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Surroundings } from '../names/wiring/doors.ts'

const OWN = 'etc/dnsmasq.d'
const OF_NETWORK_MANAGER = '/etc/NetworkManager/dnsmasq.d'

async function textOf(path: string): Promise<string> {
  // A process may end while it is looked at.
  return await readFile(path, 'utf8').catch(() => '')
}

/** Its words, of all that run under that name. */
async function running(): Promise<readonly (readonly string[])[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found: (readonly string[])[] = []
  for (const pid of pids) {
    if ((await textOf(`/proc/${pid}/comm`)).trim() !== 'dnsmasq') continue
    found.push((await textOf(`/proc/${pid}/cmdline`)).split('\0'))
  }
  return found
}

/** Debian names the directory in its words, others in the file that it reads where it is told of no other. */
function readsOwn(words: readonly string[], file: string, root: string): boolean {
  const directory = join(root, OWN)
  const names = (text: string): boolean => text.split(/[=,\s]/).some((one) => one.replace(/\/$/, '') === directory)
  if (words.some((word) => names(word.replace(/^-7/, '')))) return true
  const other = words.some((word) => /^(?:-C|--conf-file)/.test(word) && !word.endsWith('/etc/dnsmasq.conf'))
  return !other && file.split('\n').some((line) => /^\s*conf-dir\s*=/.test(line) && names(line))
}

export async function findDnsmasq(root: string): Promise<Surroundings['dnsmasq']> {
  const all = await running()
  if (all.length === 0) return undefined
  const file = await textOf(join(root, 'etc/dnsmasq.conf'))
  if (all.some((words) => readsOwn(words, file, root))) return 'dnsmasq'
  return all.some((words) => words.join(' ').includes(OF_NETWORK_MANAGER)) ? 'networkmanager' : undefined
}
