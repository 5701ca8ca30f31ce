// Server-sent events (WHATWG HTML §9.2): what changes, as it changes.

import { utf8 } from '../../shared/bytes.ts'
import { eventsShownMax } from '../../shared/dashboard-limits.ts'
import type { Clock, Timer } from '../../shared/effects.ts'
import { eventHeartbeatS } from '../../shared/limits.ts'
import type { LoggedEvent, Watcher } from './event-log.ts'
import type { ApiRoute } from './route.ts'

function frame({ id, event }: LoggedEvent): Uint8Array {
  return utf8(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
}

/** A stream that is pulled by its reader, so that what waits is bounded by the watcher's own queue. */
export function eventStream(watcher: Watcher, clock: Clock, mayStay: () => boolean): ReadableStream<Uint8Array> {
  let beat: Timer | undefined
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // An opening comment flushes the headers, so that a client knows at once that it is watching. The id alone is no
      // event, yet it is what a client that loses the connection before the first one sends as Last-Event-ID.
      controller.enqueue(utf8(`: watching\nid: ${watcher.from}\n\n`))
      const heartbeat = (): void => {
        // A token that was revoked or has expired opens no new stream, and keeps none.
        if (!mayStay()) return watcher.close()
        // Nothing is added for a reader that does not keep up: its backlog is no proof that the line is alive.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(utf8(': still here\n\n'))
        beat = clock.after(eventHeartbeatS * 1_000, heartbeat)
      }
      beat = clock.after(eventHeartbeatS * 1_000, heartbeat)
    },
    async pull(controller) {
      const events = await watcher.next()
      for (const event of events) controller.enqueue(frame(event))
      if (events.length > 0) return
      beat?.cancel()
      controller.close()
    },
    cancel() {
      beat?.cancel()
      watcher.close()
    },
  })
}

export const eventRoutes: readonly ApiRoute[] = [
  {
    method: 'GET',
    path: '/api/v1/events/past',
    role: 'viewer',
    summary: 'What changed last, for who did not watch',
    reply: `At most ${eventsShownMax} events with their time and id, the newest first; none from before the hub’s start`,
    handle: ({ context, deps }) => context.json({ items: deps.events.past(eventsShownMax) }),
  },
  {
    method: 'GET',
    path: '/api/v1/events',
    role: 'viewer',
    summary: 'Watch changes of intent, publications, nodes and acknowledgements',
    query: [{ name: 'lastEventId', description: 'Continue after this event, where the header cannot be set' }],
    reply:
      'Server-sent events. Open the stream, then list: nothing falls between. An event `reset` means that events were missed: list again.',
    replyType: 'text/event-stream',
    handle: ({ context, deps, mayStay }) => {
      const lastId = context.req.header('last-event-id') ?? context.req.query('lastEventId')
      const body = eventStream(deps.events.watch(lastId), deps.clock, mayStay)
      return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
    },
  },
]
