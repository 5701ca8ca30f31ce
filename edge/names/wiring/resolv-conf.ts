// The file that libc reads to learn whom to ask: resolv.conf(5). Our lines stand in front of what others wrote, which stays as
// it is, byte for byte: so whoever takes them out again has what was there, and needs no copy that could be lost or be old.

import type { Address } from '../../../shared/address/cidr.ts'

/** Where libc asks us: of this host alone, so that a dead agent is refused for by the kernel at once, and libc asks the next. */
export const stubAddress = '127.51.82.4' as Address
/** libc can't be told another. */
export const stubPort = 53

const BEGIN = '# holdfast: asked first for names of the mesh; `holdfast leave` takes these lines out'
const END = '# holdfast: end'
/** Asked by libc where nobody is named: resolv.conf(5). */
const DEFAULT_SERVER = '127.0.0.1'
/** Seconds: of those that libc waits for each server it asks, five where nothing is said. */
const OPTIONS = 'options timeout:1'

export function nameserversOf(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => /^nameserver[ \t]+(\S+)/.exec(line)?.[1] ?? [])
}

/** What others wrote. A tool may have copied our server without what says that it is ours. */
export function withoutStub(text: string): string {
  const kept: string[] = []
  let inside = false
  for (const line of text.split('\n')) {
    if (line === BEGIN) inside = true
    else if (line === END) inside = false
    else if (!inside && !new RegExp(`^nameserver[ \\t]+${stubAddress.replaceAll('.', '\\.')}(?:\\s|$)`).test(line))
      kept.push(line)
  }
  return kept.join('\n')
}

/** Ours first, then what others wrote; of three servers that libc looks at, the third is asked by us. */
export function withStub(text: string): string {
  const others = withoutStub(text)
  const next = nameserversOf(others).length === 0 ? [`nameserver ${DEFAULT_SERVER}`] : []
  return [BEGIN, `nameserver ${stubAddress}`, ...next, OPTIONS, END, others].join('\n')
}

/** Whom we ask for all other names. */
export function upstreamOf(text: string): readonly string[] {
  const named = nameserversOf(withoutStub(text))
  return named.length === 0 ? [DEFAULT_SERVER] : named
}
