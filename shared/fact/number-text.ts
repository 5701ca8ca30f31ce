// A list of whole numbers as text, as source maps write them (base64 VLQ): the first as it is, each further one as the difference
// to the one before. Numbers that lie close together take a character or two.

import { HoldfastError } from '../errors.ts'

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const places = new Map(Array.from(DIGITS, (digit, at) => [digit, BigInt(at)] as const))
const MORE = 32n

function writeNumber(value: bigint): string {
  let rest = value < 0n ? (-value << 1n) | 1n : value << 1n
  let text = ''
  do {
    const digit = rest & 31n
    rest >>= 5n
    text += DIGITS[Number(rest > 0n ? digit | MORE : digit)]
  } while (rest > 0n)
  return text
}

export function writeNumbers(values: readonly bigint[]): string {
  return values.map((value, at) => writeNumber(value - (values[at - 1] ?? 0n))).join('')
}

/** At most `countMax`. Throws `invalid`. */
export function readNumbers(text: string, countMax: number): readonly bigint[] {
  const values: bigint[] = []
  let [value, shift, before] = [0n, 0n, 0n]
  for (const one of text) {
    const digit = places.get(one) ?? 0n
    value |= (digit & 31n) << shift
    shift += 5n
    if (shift > 140n) throw new HoldfastError('invalid', 'a number has no end')
    if ((digit & MORE) !== 0n) continue
    before += (value & 1n) === 1n ? -(value >> 1n) : value >> 1n
    values.push(before)
    if (values.length > countMax) throw new HoldfastError('invalid', `more than ${countMax} numbers`)
    value = 0n
    shift = 0n
  }
  if (shift !== 0n) throw new HoldfastError('invalid', 'a number has no end')
  return values
}
