// Verifying is a question with one answer: asked again about the same bytes, it is the same. Five programs in one process ask
// it of each head and each fact, so the answers are kept for as long as a run lasts.

import type { Verify } from '../../shared/effects.ts'

/** Heads and facts of a long run are some hundreds, of some hundred bytes. */
const ANSWERS_MAX = 4_096

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
}

/** As `verify`, which is asked once about the same key, message and signature, to the byte. */
export function rememberAnswers(verify: Verify): Verify {
  const answers = new Map<string, boolean>()
  return (publicKey, message, signature) => {
    const lengths = `${publicKey.length} ${signature.length} `
    const question = `${lengths}${text(publicKey)}${text(signature)}${text(message)}`
    const known = answers.get(question)
    if (known !== undefined) return known
    const answer = verify(publicKey, message, signature)
    if (answers.size >= ANSWERS_MAX) answers.clear()
    answers.set(question, answer)
    return answer
  }
}
