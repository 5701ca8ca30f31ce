// A blob in an ELF file: where it lies, that the rest stays, and what is refused.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isHoldfastError } from '../../shared/errors.ts'
import { injectBlob } from './elf.ts'

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:0'
const BASE = 0x400000
const [LOAD, NOTE, PHDR, STACK] = [1, 4, 6, 0x6474e551]

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: number
  readonly fileBytes: number
  readonly memoryBytes: number
  readonly align: number
}

/** A file with these segments, in the least that counts as ELF, and a fuse behind them. */
function elfOf(segments: readonly Segment[], fuses = 1): Buffer {
  const elf = Buffer.alloc(8_192, 0xcc)
  elf.fill(0, 0, 64)
  elf.write('\x7fELF\x02\x01', 0, 'latin1')
  elf.writeUInt16LE(2, 16)
  elf.writeBigUInt64LE(64n, 32)
  elf.writeUInt16LE(56, 54)
  elf.writeUInt16LE(segments.length, 56)
  for (const [i, one] of segments.entries()) {
    const at = 64 + i * 56
    elf.writeUInt32LE(one.type, at)
    elf.writeUInt32LE(4, at + 4)
    for (const [j, value] of [
      one.offset,
      one.address,
      one.address,
      one.fileBytes,
      one.memoryBytes,
      one.align,
    ].entries())
      elf.writeBigUInt64LE(BigInt(value), at + 8 + j * 8)
  }
  for (let i = 0; i < fuses; i++) elf.write(FUSE, 4_096 + i * 64)
  return elf
}

function segment(type: number, offset: number, bytes: number, memoryBytes = bytes): Segment {
  return { type, offset, address: BASE + offset, fileBytes: bytes, memoryBytes, align: 4_096 }
}

const usual = [
  segment(PHDR, 64, 280),
  segment(LOAD, 0, 4_096),
  segment(LOAD, 4_096, 4_096, 200_000),
  segment(NOTE, 600, 32),
  segment(STACK, 0, 0),
]

function segmentsOf(elf: Buffer): Segment[] {
  return Array.from({ length: elf.readUInt16LE(56) }, (_, i) => {
    const at = 64 + i * 56
    const [offset = 0, address = 0, , fileBytes = 0, memoryBytes = 0, align = 0] = [8, 16, 24, 32, 40, 48].map((to) =>
      Number(elf.readBigUInt64LE(at + to)),
    )
    return { type: elf.readUInt32LE(at), offset, address, fileBytes, memoryBytes, align }
  })
}

test('the blob is a note in a segment of its own, on a page of every size, behind all that is in memory', () => {
  const blob = Buffer.from('program of odd length')
  const made = Buffer.from(injectBlob(elfOf(usual), blob))
  const segments = segmentsOf(made)
  assert.equal(
    segments.map(({ type }) => type),
    [LOAD, LOAD, LOAD, NOTE, STACK],
  )
  const [, , load, note] = segments
  assert.is((load?.offset ?? 1) % 65_536, 0)
  assert.is((load?.address ?? 1) % 65_536, 0)
  assert.ok((load?.address ?? 0) >= BASE + 4_096 + 200_000)
  assert.equal([note?.offset, note?.address, note?.align], [load?.offset, load?.address, 4])
  const at = note?.offset ?? 0
  assert.equal([made.readUInt32LE(at), made.readUInt32LE(at + 4)], [14, blob.length])
  assert.is(made.toString('latin1', at + 12, at + 26), 'NODE_SEA_BLOB\0')
  assert.equal(made.subarray(at + 28, at + 28 + blob.length), blob)
  assert.is(at + (note?.fileBytes ?? 0), made.length)
})

test('the fuse is set, and nothing else of the file changes but the table of segments', () => {
  const elf = elfOf(usual)
  const before = Buffer.from(elf)
  const made = Buffer.from(injectBlob(elf, Buffer.alloc(100)))
  assert.equal(elf, before, 'what was given is left alone')
  assert.is(made.toString('latin1', 4_096, 4_096 + FUSE.length), FUSE.replace(/0$/, '1'))
  const table = [64, 64 + 5 * 56] as const
  for (let at = 0; at < elf.length; at++) {
    if ((at >= table[0] && at < table[1]) || at === 4_096 + FUSE.length - 1) continue
    if (made[at] !== elf[at]) assert.unreachable(`byte ${at} changed`)
  }
  assert.ok(made.equals(injectBlob(elf, Buffer.alloc(100))), 'twice is the same')
})

function refused(elf: Buffer): boolean {
  try {
    injectBlob(elf, Buffer.alloc(4))
    return false
  } catch (error) {
    return isHoldfastError(error, 'unsupported')
  }
}

test('what is not Node as it is published is refused', () => {
  const changed = (change: (elf: Buffer) => void): Buffer => {
    const elf = elfOf(usual)
    change(elf)
    return elf
  }
  assert.not(refused(elfOf(usual)))
  assert.ok(refused(Buffer.from('#!/bin/sh\n')), 'a script')
  assert.ok(refused(Buffer.alloc(0)), 'nothing')
  assert.ok(refused(changed((elf) => elf.writeUInt8(1, 4))), '32 bit')
  assert.ok(refused(changed((elf) => elf.writeUInt16LE(3, 16))), 'addresses that move')
  assert.ok(refused(elfOf(usual, 0)), 'no fuse')
  assert.ok(refused(elfOf(usual, 2)), 'two fuses')
  assert.ok(refused(elfOf(usual.filter(({ type }) => type !== PHDR))), 'no entry to spare')
  assert.ok(refused(elfOf(usual.filter(({ type }) => type !== NOTE))), 'no note')
  assert.ok(refused(elfOf(usual.filter(({ type }) => type !== LOAD))), 'nothing loaded')
  const done = Buffer.from(injectBlob(elfOf(usual), Buffer.alloc(4)))
  assert.ok(refused(done), 'it has a blob')
})

test.run()
