// Headers for the collector, from a file of their own: they bear the token that lets the hub in.

import { readFileSync } from 'node:fs'
import { describeError, HoldfastError } from '../../shared/errors.ts'

const BYTES_MAX = 16 << 10
const LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\u0020-\u007E]*)$/

/** `Name: value`, one a line; empty lines and those that begin with # are passed over. Never tells what stands there. */
export function readOtlpHeaders(path: string): Readonly<Record<string, string>> {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new HoldfastError('not-found', `cannot read ${path}: ${describeError(cause)}`, {
      field: 'otlp.headersFile',
      cause,
    })
  }
  if (text.length > BYTES_MAX) throw new HoldfastError('too-large', `${path} is no file of headers`)
  const headers: Record<string, string> = {}
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [, name, value] = LINE.exec(line) ?? []
    if (name === undefined || value === undefined) {
      throw new HoldfastError('invalid', `line ${at + 1} of ${path} is not like Name: value`, {
        field: 'otlp.headersFile',
      })
    }
    headers[name] = value.trim()
  }
  return headers
}
