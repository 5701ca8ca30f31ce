// Lines over time, ready to be drawn: scaled, with what their axes say. Where nothing was measured the line has a gap.

export interface Sample {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  /** Undefined where nothing was measured. */
  readonly value: number | undefined
}

export interface Plot {
  /** SVG paths, in a box of `width` × `height`; one for each stretch without a gap. */
  readonly lines: readonly string[]
  /** Samples that stand alone. */
  readonly dots: readonly { readonly x: number; readonly y: number }[]
  readonly max: number
  readonly fromAt: number
  readonly toAt: number
}

/** Below it a value is nothing to be seen, and powers of ten are not exact. */
const LEAST = 1e-9

/** The smallest of 1, 2, 5, 10, 20, … that is not below `value`. */
export function niceMax(value: number): number {
  if (value < LEAST) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power
}

export function plotOf(samples: readonly Sample[], width: number, height: number): Plot {
  const values = samples.flatMap(({ value }) => value ?? [])
  const max = niceMax(Math.max(0, ...values))
  const fromAt = samples[0]?.at ?? 0
  const toAt = samples.at(-1)?.at ?? 0
  const x = (at: number): number => (toAt === fromAt ? width / 2 : ((at - fromAt) / (toAt - fromAt)) * width)
  const y = (value: number): number => height - (value / max) * height
  const stretches: { x: number; y: number }[][] = [[]]
  for (const { at, value } of samples) {
    if (value === undefined) stretches.push([])
    else stretches.at(-1)?.push({ x: x(at), y: y(value) })
  }
  const draw = (points: readonly { x: number; y: number }[]): string =>
    points.map((point, i) => `${i === 0 ? 'M' : 'L'}${point.x.toFixed(1)} ${point.y.toFixed(1)}`).join('')
  return {
    lines: stretches.filter((points) => points.length > 1).map(draw),
    dots: stretches.flatMap((points) => (points.length === 1 ? points : [])),
    max,
    fromAt,
    toAt,
  }
}

/** Of a counter that begins anew with each start of the agent: per second between two samples. */
export function rates(samples: readonly Sample[]): readonly Sample[] {
  return samples.slice(1).map(({ at, value }, i) => {
    const before = samples[i]
    const seconds = before === undefined ? 0 : (at - before.at) / 1_000
    if (value === undefined || before?.value === undefined || seconds <= 0 || value < before.value)
      return { at, value: undefined }
    return { at, value: (value - before.value) / seconds }
  })
}
