// Takes secrets out of text that leaves the device: those we know by value, and what looks like a key being set.

const HIDDEN = '[redacted]'
/** A secret shorter than this would hide half of every text. */
const SECRET_LENGTH_MIN = 8

/** Forms in which a secret may turn up though its value is not known here. */
const patterns: readonly RegExp[] = [
  /\bhf1\.[a-z2-7]{8}\.[A-Za-z0-9_-]+/g,
  /(?<=private[ -_]?key["']?\s*[:=]?\s*["']?)[A-Za-z0-9+/]{43}=/gi,
  /(?<=preshared[ -_]?key["']?\s*[:=]?\s*["']?)[A-Za-z0-9+/]{43}=/gi,
  /(?<=(?:password|secret|authorization)["']?\s*[:=]\s*["']?)[^\s"',}]+/gi,
  // User and password of a URL, as of a proxy.
  /(?<=:\/\/)[^\s/@"']+(?=@)/g,
  /(?<=\bBearer )[A-Za-z0-9._~+/=-]+/g,
]

export function redact(text: string, secrets: readonly string[]): string {
  let out = text
  for (const secret of secrets) if (secret.length >= SECRET_LENGTH_MIN) out = out.replaceAll(secret, HIDDEN)
  for (const pattern of patterns) out = out.replaceAll(pattern, HIDDEN)
  return out
}
