// Answers that pages ask for again and again: whole where they differ from what is held there, and a word where they do not
// (RFC 9110 §13.1.2).

import type { Context } from 'hono'
import { toHex, utf8 } from '../../shared/bytes.ts'
import { sha256 } from '../../shared/host/crypto.ts'

/** 128 bits tell answers apart. */
const TAG_CHARACTERS = 32

export function answerIfNew(context: Context, value: unknown): Response {
  const text = JSON.stringify(value)
  const etag = `"${toHex(sha256(utf8(text))).slice(0, TAG_CHARACTERS)}"`
  const held = context.req.header('if-none-match')?.split(',') ?? []
  // A proxy that compresses makes a tag weak.
  const isHeld = held.some((one) => one.trim().replace(/^W\//, '') === etag)
  if (isHeld) return context.body(null, 304, { etag })
  return context.body(text, 200, { 'content-type': 'application/json', etag })
}
