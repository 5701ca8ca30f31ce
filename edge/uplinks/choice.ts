// Which uplink Holdfast's own packets take: events in, actions out; no clock and no I/O of its own.
//
// The host's first choice is taken at its word as long as somebody out there answers by it. Nobody is asked for that where
// answers to ordinary traffic say it; only what went out without any answer raises the question, and then all uplinks are
// asked at once. An uplink that comes back has to answer for a while before it is gone back to.

export type UplinkEvent =
  /** Interfaces in the order the host prefers. */
  | { readonly type: 'uplinks'; readonly list: readonly string[] }
  /** Something that deserves an answer went out by the uplink in use. */
  | { readonly type: 'asked' }
  /** And an answer came. */
  | { readonly type: 'heard' }
  /** Another sign that the uplink in use may be dead. */
  | { readonly type: 'doubt' }
  /** A probe by that uplink was answered. */
  | { readonly type: 'answered'; readonly uplink: string }
  /** `dueAt()` is reached. */
  | { readonly type: 'time' }

export type UplinkAction =
  | { readonly type: 'probe'; readonly uplink: string }
  | { readonly type: 'use'; readonly uplink: string; readonly why: string }

export interface UplinkView {
  readonly interface: string
  readonly inUse: boolean
  /** Monotonic milliseconds; absent where it never answered. */
  readonly lastAnswerAt?: number
  /** Since when it answers nothing; absent while it answers, or was not asked. */
  readonly silentSince?: number
}

export interface UplinkChoice {
  handle(event: UplinkEvent, nowMs: number): readonly UplinkAction[]
  /** Monotonic milliseconds of the next `time` event it wants; Infinity for none. */
  dueAt(): number
  inUse(): string | undefined
  view(): readonly UplinkView[]
}

/** Frames of the path engine are answered within a round trip, and repeated meanwhile. */
const OWED_MS = 2_000
/** Probes of a round, after its begin; lost ones are repeated. */
const TRIES_MS: readonly number[] = [0, 300, 700]
/** A round is over then: twice the round trip of a satellite after the last try. */
const ROUND_MS = 1_900
/** Between two rounds while the question stays, doubled up to the second: what never answers asks for no more. */
const AGAIN_MS = 5_000
const AGAIN_MS_MAX = 60_000
/** An uplink that the host prefers, and that failed, is asked so often … */
const WATCH_MS = 5_000
/** … where each byte is paid for … */
const WATCH_METERED_MS = 30_000
/** … and gone back to after so many answers in a row. */
const STREAK = 3
/** One that fails again within this … */
const FORGIVEN_MS = 600_000
/** … is not gone back to for so long, doubled each time up to the second. */
const HOLD_MS = 30_000
const HOLD_MS_MAX = 600_000

interface Link {
  readonly name: string
  lastAnswerAt: number
  silentSince: number
  /** Answers in a row while it was watched. */
  streak: number
  answeredWatch: boolean
  usedAt: number
  holdMs: number
  heldUntil: number
}

interface Round {
  readonly at: number
  tries: number
  readonly answered: Set<string>
}

const [NEVER, ALWAYS] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]

function newLink(name: string): Link {
  return {
    name,
    lastAnswerAt: NEVER,
    silentSince: ALWAYS,
    streak: 0,
    answeredWatch: false,
    usedAt: NEVER,
    holdMs: 0,
    heldUntil: NEVER,
  }
}

/** `inUse`: what an earlier run chose and the kernel still goes by. */
export function createUplinkChoice(options: {
  readonly metered: boolean
  readonly inUse?: string | undefined
}): UplinkChoice {
  const watchMs = options.metered ? WATCH_METERED_MS : WATCH_MS
  let links: readonly Link[] = []
  let inUse = options.inUse
  let owedSince = ALWAYS
  let round: Round | undefined
  let [nextRoundAt, againMs] = [NEVER, AGAIN_MS]
  let watchAt = ALWAYS

  const linkOf = (name: string | undefined): Link | undefined => links.find((one) => one.name === name)
  const better = (): readonly Link[] => {
    const at = links.findIndex(({ name }) => name === inUse)
    return at > 0 ? links.slice(0, at) : []
  }

  const use = (link: Link, why: string, now: number, out: UplinkAction[]): void => {
    inUse = link.name
    link.usedAt = now
    owedSince = ALWAYS
    for (const one of links) one.streak = 0
    out.push({ type: 'use', uplink: link.name, why })
  }

  const startRound = (now: number): void => {
    if (links.length < 2 || round !== undefined) return
    round = { at: now, tries: 0, answered: new Set() }
  }

  /** What was left for its silence, and was gone back to not long ago, has to wait the longer. */
  const hold = (link: Link, now: number): void => {
    const again = now - link.usedAt < FORGIVEN_MS && link.usedAt > NEVER
    link.holdMs = again ? Math.min(HOLD_MS_MAX, Math.max(HOLD_MS, 2 * link.holdMs)) : 0
    link.heldUntil = now + link.holdMs
  }

  const conclude = ({ answered, at }: Round, now: number, out: UplinkAction[]): void => {
    round = undefined
    nextRoundAt = now + againMs
    againMs = Math.min(AGAIN_MS_MAX, 2 * againMs)
    for (const link of links) {
      if (answered.has(link.name)) continue
      link.silentSince = Math.min(link.silentSince, link.name === inUse ? owedSince : at, at)
      link.streak = 0
    }
    const current = linkOf(inUse)
    if (current === undefined || answered.has(current.name)) return
    const awake = links.filter(({ name }) => answered.has(name))
    const next = awake.find(({ heldUntil }) => now >= heldUntil) ?? awake[0]
    if (next === undefined) return
    hold(current, now)
    againMs = AGAIN_MS
    use(next, `no answer by ${current.name}`, now, out)
  }

  const playRound = (now: number, out: UplinkAction[]): void => {
    if (round === undefined) return
    const sends = TRIES_MS.filter((ms) => round !== undefined && now >= round.at + ms).length
    if (sends > round.tries) {
      round.tries = sends
      for (const { name } of links) if (!round.answered.has(name)) out.push({ type: 'probe', uplink: name })
    }
    if (now >= round.at + ROUND_MS || round.answered.size === links.length) conclude(round, now, out)
  }

  const goBack = (now: number, out: UplinkAction[]): void => {
    const back = better().find(({ heldUntil, streak }) => streak >= STREAK && now >= heldUntil)
    if (back !== undefined) use(back, `${back.name} answers again`, now, out)
  }

  const watch = (now: number, out: UplinkAction[]): void => {
    const watched = better()
    if (watched.length === 0) {
      watchAt = ALWAYS
      return
    }
    if (watchAt === ALWAYS) watchAt = now + watchMs
    if (now < watchAt) return
    watchAt = now + watchMs
    for (const link of watched) {
      if (!link.answeredWatch) {
        link.streak = 0
        link.silentSince = Math.min(link.silentSince, now)
      }
      link.answeredWatch = false
      out.push({ type: 'probe', uplink: link.name })
    }
  }

  const noteAnswer = (name: string, now: number): void => {
    const link = linkOf(name)
    if (link === undefined) return
    link.lastAnswerAt = now
    link.silentSince = ALWAYS
    round?.answered.add(name)
    if (name === inUse) owedSince = ALWAYS
    else if (!link.answeredWatch) {
      link.answeredWatch = true
      link.streak += 1
    }
  }

  const noteList = (names: readonly string[], now: number, out: UplinkAction[]): void => {
    if (names.join() === links.map(({ name }) => name).join()) return
    const steered = better().length > 0 || (links.length === 0 && inUse !== undefined)
    links = names.map((name) => linkOf(name) ?? newLink(name))
    round = undefined
    watchAt = ALWAYS
    const [first] = links
    if (first === undefined || inUse === undefined) inUse = first?.name
    else if (linkOf(inUse) === undefined) use(first, 'the uplink before is gone', now, out)
    // Whoever follows the host follows it to another one, too.
    else if (!steered && first.name !== inUse) use(first, 'the host prefers it', now, out)
    if (links.some(({ lastAnswerAt }) => lastAnswerAt === NEVER)) startRound(now)
  }

  const note = (event: UplinkEvent, now: number, out: UplinkAction[]): void => {
    switch (event.type) {
      case 'uplinks':
        noteList(event.list, now, out)
        break
      case 'asked':
        if (owedSince === ALWAYS) owedSince = now
        break
      case 'heard':
        if (inUse !== undefined) noteAnswer(inUse, now)
        // Ordinary traffic is answered, so the next silence means something again.
        nextRoundAt = NEVER
        againMs = AGAIN_MS
        break
      case 'doubt':
        if (now >= nextRoundAt) startRound(now)
        break
      case 'answered':
        noteAnswer(event.uplink, now)
        break
      case 'time':
        break
    }
  }

  return {
    handle(event, now) {
      const out: UplinkAction[] = []
      note(event, now, out)
      if (links.length < 2) return out
      if (now >= Math.max(owedSince + OWED_MS, nextRoundAt)) startRound(now)
      playRound(now, out)
      goBack(now, out)
      watch(now, out)
      return out
    },
    dueAt() {
      if (links.length < 2) return ALWAYS
      const owed = round === undefined ? Math.max(owedSince + OWED_MS, nextRoundAt) : ALWAYS
      const next = round === undefined ? ALWAYS : round.at + (TRIES_MS[round.tries] ?? ROUND_MS)
      const held = better().filter(({ heldUntil, streak }) => streak >= STREAK && heldUntil > NEVER)
      return Math.min(owed, next, watchAt, ...held.map(({ heldUntil }) => heldUntil))
    },
    inUse: () => inUse,
    view: () =>
      links.map(({ lastAnswerAt, name, silentSince }) => ({
        interface: name,
        inUse: name === inUse,
        ...(lastAnswerAt === NEVER ? {} : { lastAnswerAt }),
        ...(silentSince === ALWAYS ? {} : { silentSince }),
      })),
  }
}
