// The few forms of DER (X.690) that a certificate is made of. Only writing: reading is left to OpenSSL.

import { concat, utf8 } from '../bytes.ts'
import { HoldfastError } from '../errors.ts'

function tagged(tag: number, content: Uint8Array): Uint8Array {
  const length: number[] = []
  if (content.length < 0x80) length.push(content.length)
  else {
    for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest & 0xff)
    length.unshift(0x80 | length.length)
  }
  return concat(Uint8Array.of(tag, ...length), content)
}

export function sequence(...items: readonly Uint8Array[]): Uint8Array {
  return tagged(0x30, concat(...items))
}

export function set(...items: readonly Uint8Array[]): Uint8Array {
  return tagged(0x31, concat(...items))
}

/** An unsigned number, most significant byte first. */
export function unsigned(bytes: Uint8Array): Uint8Array {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start++
  const trimmed = bytes.subarray(start)
  return tagged(0x02, ((trimmed[0] ?? 0) & 0x80) === 0 ? trimmed : concat(Uint8Array.of(0), trimmed))
}

export function boolean(value: boolean): Uint8Array {
  return tagged(0x01, Uint8Array.of(value ? 0xff : 0))
}

export function octets(content: Uint8Array): Uint8Array {
  return tagged(0x04, content)
}

/** `unusedBits` of the last byte do not count. */
export function bits(content: Uint8Array, unusedBits = 0): Uint8Array {
  return tagged(0x03, concat(Uint8Array.of(unusedBits), content))
}

export function utf8String(text: string): Uint8Array {
  return tagged(0x0c, utf8(text))
}

/** `[n]` around a whole element. */
export function explicit(n: number, content: Uint8Array): Uint8Array {
  return tagged(0xa0 | n, content)
}

/** `[n]` in place of a primitive element's own tag. */
export function implicit(n: number, content: Uint8Array): Uint8Array {
  return tagged(0x80 | n, content)
}

/** An object identifier in dotted form. */
export function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  const content: number[] = []
  for (const arc of [first * 40 + second, ...rest]) {
    const group = [arc & 0x7f]
    for (let more = arc >>> 7; more > 0; more >>>= 7) group.unshift((more & 0x7f) | 0x80)
    content.push(...group)
  }
  return tagged(0x06, Uint8Array.from(content))
}

/** UTCTime until 2049 and GeneralizedTime from 2050, as RFC 5280 §4.1.2.5 asks. */
export function time(ms: number): Uint8Array {
  const date = new Date(ms)
  if (Number.isNaN(date.getTime())) throw new HoldfastError('invalid', `${ms} is no time`)
  const digits = date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return date.getUTCFullYear() < 2050 ? tagged(0x17, utf8(digits.slice(2))) : tagged(0x18, utf8(digits))
}

export function pemOf(certificate: Uint8Array): string {
  const lines =
    Buffer.from(certificate)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
