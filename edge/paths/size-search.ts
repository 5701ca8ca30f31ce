// How large a packet of the mesh one path carries whole: a search by padded probes (RFC 8899), pure. Sizes are those of packets
// inside the mesh; a probe of that size is as long on the wire as the WireGuard packet that carries it.
//
// A size is too big only when probes of it are lost again and again while smaller ones, sent in the same moment, get through:
// then it is not loss and not a dead path. Whatever got through is proof, however late it is heard of.

import { newRoundTrip, noteRtt, patienceMs, type RoundTrip } from './round-trip.ts'

/** 0 bytes: of the usual size of a frame. */
export interface SizeProbe {
  readonly probe: number
  readonly bytes: number
}

interface Flight extends SizeProbe {
  readonly round: number
  answered: boolean
}

/** One question under way: does a packet of this size get through? */
interface Question {
  readonly bytes: number
  /** A look whether a path that carried less now carries more. */
  readonly raising: boolean
  /** Of the round under way. */
  endsAt: number
  /** Rounds sent; the first goes without witnesses. */
  rounds: number
  points: number
  mute: number
}

export interface SizeSearch {
  readonly max: number
  /** What packets are to be held to; undefined before anything is known. */
  size: number | undefined
  /** It was found by probes of this very path, and not assumed or remembered. */
  measured: boolean
  measuredAt: number
  /** The least size that was refuted when the size was found; Infinity where nothing was. */
  tooBig: number
  question: Question | undefined
  proven: number
  refuted: number
  flights: Flight[]
  readonly trip: RoundTrip
  raiseAt: number
  raiseMs: number
  nextRound: number
}

/** WireGuard pads to so many bytes; nothing finer is worth a probe. */
const STEP = 16
/**
 * Sizes to fall back to while nothing is proven. 1280 is IPv6's least link inside (RFC 8200 §5), 1200 what such a link
 * leaves of it outside, 512 what IPv4's least datagram of 576 does.
 */
const RUNGS: readonly number[] = [1_280, 1_200, 512]
/** The least that is ever held to. */
export const sizeMin = 512
/** A lost probe beside a witness of almost its size weighs 2, beside a small one 1: full queues drop the large ones first. */
const POINTS = 6
/** Between two sizes that are known, where a mistake costs some bytes a packet until the next look. */
const POINTS_BETWEEN = 4
/** Rounds in a row without any answer: the path is dead, which is not for this search to judge. */
const MUTE_ROUNDS = 3
/** Least patience with one round. */
const FLOOR_MS = 100
const FLIGHTS_MAX = 16
/** A path that carries less is asked for more after this, doubled each time … */
const RAISE_MS = 60_000
/** … up to this: RFC 8899 §5.1.1, PMTU_RAISE_TIMER. */
const RAISE_MS_MAX = 600_000

/** `remembered`: what it carried when it was last used. */
export function newSizeSearch(max: number, remembered?: number): SizeSearch {
  const known = remembered === undefined ? undefined : Math.min(max, Math.max(sizeMin, stepDown(remembered)))
  return {
    max,
    size: known,
    measured: false,
    measuredAt: Number.NEGATIVE_INFINITY,
    tooBig: Number.POSITIVE_INFINITY,
    question: undefined,
    proven: 0,
    refuted: Number.POSITIVE_INFINITY,
    flights: [],
    trip: newRoundTrip(),
    raiseAt: Number.NEGATIVE_INFINITY,
    raiseMs: RAISE_MS,
    nextRound: 0,
  }
}

function stepDown(bytes: number): number {
  return Math.floor(bytes / STEP) * STEP
}

/** Asks whether what is held to still gets through; where that is little and long known, whether more does. */
export function askSize(search: SizeSearch, now: number): void {
  if (search.question !== undefined) return
  const { max, measured, size } = search
  search.refuted = Number.POSITIVE_INFINITY
  const raising = measured && size !== undefined && size < max && now >= search.raiseAt
  search.proven = raising ? size : 0
  put(search, raising ? Math.min(max, stepDown(size) + STEP) : (size ?? max), raising, now)
}

function put(search: SizeSearch, bytes: number, raising: boolean, now: number): void {
  search.question = { bytes, raising, endsAt: now, rounds: 0, points: 0, mute: 0 }
}

/** When the next round is due; Infinity while nothing is asked. */
export function sizeDueAt({ question }: SizeSearch): number {
  return question?.endsAt ?? Number.POSITIVE_INFINITY
}

/** Ends the round that is over and begins the next: what is to be sent now. */
export function sendSizes(search: SizeSearch, now: number, number: () => number): readonly SizeProbe[] {
  const over = search.question
  if (over === undefined || now < over.endsAt) return []
  if (over.rounds > 0) judge(search, over, now)
  const { question } = search
  if (question === undefined) return []
  search.nextRound += 1
  question.rounds += 1
  question.endsAt = now + patienceMs(search.trip, FLOOR_MS)
  const sizes = question.rounds === 1 ? [question.bytes] : [question.bytes, ...witnesses(search, question.bytes)]
  const probes = sizes.map((bytes): Flight => ({ probe: number(), bytes, round: search.nextRound, answered: false }))
  search.flights = [...search.flights, ...probes].slice(-FLIGHTS_MAX)
  return probes.map(({ bytes, probe }) => ({ bytes, probe }))
}

/** Smaller ones that tell a size from a path; the small one goes last, behind what the large ones may have queued up. */
function witnesses({ proven }: SizeSearch, bytes: number): readonly number[] {
  const lower = proven > 0 ? proven : RUNGS.find((rung) => rung < bytes)
  if (lower === undefined) return [0]
  return proven > 0 ? [lower] : [lower, 0]
}

function judge(search: SizeSearch, question: Question, now: number): void {
  if (question.rounds === 1) {
    // Nothing is known of a new path but that this was lost: what is surely no larger costs little until it is known.
    search.size ??= Math.min(search.max, RUNGS[0] ?? sizeMin)
    return
  }
  const came = search.flights.filter(({ answered, round }) => answered && round === search.nextRound)
  question.points += came.some(({ bytes }) => bytes > 0) ? 2 : came.length > 0 ? 1 : 0
  question.mute = came.length > 0 ? 0 : question.mute + 1
  const between = search.refuted < Number.POSITIVE_INFINITY && search.proven > 0
  if (question.points >= (between ? POINTS_BETWEEN : POINTS)) refute(search, question, now)
  else if (question.mute >= MUTE_ROUNDS) search.question = undefined
}

function refute(search: SizeSearch, { bytes, raising }: Question, now: number): void {
  search.refuted = bytes
  if (raising) return settle(search, search.proven, now)
  const held = search.proven > 0 ? search.proven : RUNGS.find((rung) => rung < bytes)
  if (held === undefined) return settle(search, sizeMin, now)
  // At once, because what is larger is lost; what lies between is found out later.
  search.size = Math.min(search.size ?? held, held)
  if (search.proven > 0) narrow(search, now)
  else put(search, held, false, now)
}

/** Asks for the middle between what got through and what did not, until they meet. */
function narrow(search: SizeSearch, now: number): void {
  const { proven, refuted } = search
  const low = Math.floor(proven / STEP) + 1
  const high = Math.ceil(refuted / STEP) - 1
  if (low > high) settle(search, proven, now)
  else put(search, STEP * Math.ceil((low + high) / 2), false, now)
}

function settle(search: SizeSearch, size: number, now: number): void {
  const failedRaise = search.question?.raising === true
  const verified = size === search.size && search.refuted === Number.POSITIVE_INFINITY
  if (!verified || !search.measured) {
    search.raiseMs = failedRaise ? Math.min(RAISE_MS_MAX, 2 * search.raiseMs) : RAISE_MS
    search.raiseAt = now + search.raiseMs
    search.tooBig = search.refuted
  }
  search.size = size
  search.measured = true
  search.measuredAt = now
  search.question = undefined
}

/** Takes an answer in; false if it answers nothing of this search. */
export function noteSizeAnswer(search: SizeSearch, probe: number, rttMs: number, now: number): boolean {
  const flight = search.flights.find((one) => one.probe === probe && !one.answered)
  if (flight === undefined) return false
  flight.answered = true
  noteRtt(search.trip, rttMs)
  const { question } = search
  if (question === undefined) {
    // It was only late: what was found without it may be too little.
    if (flight.bytes > (search.size ?? search.max)) search.raiseAt = now
    return true
  }
  search.proven = Math.max(search.proven, flight.bytes)
  if (search.proven >= search.refuted) search.refuted = Number.POSITIVE_INFINITY
  if (search.proven >= question.bytes) goOn(search, question, now)
  return true
}

/** The question is answered by yes. */
function goOn(search: SizeSearch, { raising }: Question, now: number): void {
  const { max, proven, refuted } = search
  if (refuted < Number.POSITIVE_INFINITY) narrow(search, now)
  else if (proven < max && (raising || proven > (search.size ?? max))) put(search, max, false, now)
  else settle(search, proven, now)
}

/** An answer to any other probe of this path: what a round trip takes. */
export function noteSizeRtt({ trip }: SizeSearch, rttMs: number): void {
  noteRtt(trip, rttMs)
}
