// The dashboard put together: the one place that knows the browser's doors, the store and the link to the hub.

import type { HoldfastError } from '../../shared/errors.ts'
import { isHoldfastError } from '../../shared/errors.ts'
import { browserClock, browserFraction } from './browser/clock.ts'
import { createHttp } from './browser/http.ts'
import { returnToPlace } from './browser/place.ts'
import { createLive } from './live.ts'
import type { Session } from './model/session.ts'
import { door, loginWays, type Notice, notices, session } from './store.ts'

const SESSION = '/api/v1/session'
const NOTICE_MS = 6_000
const NOTICES_MAX = 3

export const clock = browserClock

export const http = createHttp(
  () => session.value,
  () => {
    if (door.value === 'in') door.value = 'expired'
  },
)

const live = createLive({
  http,
  clock,
  fraction: browserFraction,
  isHidden: () => document.visibilityState === 'hidden',
})

addEventListener('online', () => live.retry())
addEventListener('offline', () => live.retry())
document.addEventListener('visibilitychange', () => live.turned())

export const touchNode = (name: string): void => live.touch(name)

let counted = 0

export function notify(tone: Notice['tone'], text: string, remedy?: string): void {
  const notice = { id: ++counted, tone, text, remedy }
  notices.value = [...notices.value, notice].slice(-NOTICES_MAX)
  if (tone === 'good') clock.after(NOTICE_MS, () => dismiss(notice.id))
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((one) => one.id !== id)
}

/** What went wrong, for people; a session that ended is asked for elsewhere. */
export function notifyError(error: unknown): void {
  if (isHoldfastError(error, 'unauthenticated')) return
  const { message, remedy } = error as HoldfastError
  notify('bad', message, remedy)
}

function enter(who: Session): void {
  session.value = who
  loginWays.value = who.login ?? loginWays.value
  door.value = 'in'
  live.stop()
  live.start()
}

/** Asks the hub whether this browser is signed in already. */
export async function resume(): Promise<void> {
  try {
    // Not by `http`: that nobody is signed in is an answer here, and it says how one may.
    const response = await fetch(SESSION, { cache: 'no-store' })
    const said = (await response.json()) as Session
    if (response.ok) {
      returnToPlace()
      return enter(said)
    }
    loginWays.value = said.login ?? {}
  } catch {
    // Whoever tries to sign in is told that the hub does not answer.
  }
  door.value = 'out'
}

/** Throws what the hub says against it. */
export async function signIn(token: string): Promise<void> {
  enter(await http.send<Session>('POST', SESSION, { token }))
}

export async function signOut(): Promise<void> {
  try {
    await http.send('DELETE', SESSION)
  } catch (error) {
    if (!isHoldfastError(error, 'unauthenticated')) return notifyError(error)
  }
  live.stop()
  // What was seen is not left behind for who sits down next.
  location.reload()
}
