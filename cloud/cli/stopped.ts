/** Resolves at the first SIGTERM or SIGINT; a second one ends the process at once, as people expect. */
export function untilStopped(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal))
  })
}
