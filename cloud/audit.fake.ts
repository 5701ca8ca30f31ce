// The audit log as a list, for fakes that keep one.

import type { AuditEntry, AuditQuery } from './audit.ts'

/** Whether an entry is among those asked for. */
export function isAsked(entry: AuditEntry, query: AuditQuery): boolean {
  const { actor, before, since = 0, target = '', until, verb } = query
  if (before !== undefined && entry.id >= before) return false
  if (entry.at < since || (until !== undefined && entry.at > until)) return false
  if (actor !== undefined && entry.actor !== actor) return false
  return (verb === undefined || entry.verb === verb) && entry.target.startsWith(target)
}
