// Names of hosts as requests of HTTP and TLS have them.

import * as v from 'valibot'

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const NAME = `${LABEL}(?:\\.${LABEL})*`

export const hostName = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(new RegExp(`^${NAME}$`), 'is not a host name in small letters'),
)

export const hostPattern = v.pipe(
  v.string(),
  v.maxLength(253),
  v.regex(
    new RegExp(`^(?:\\*\\.)?${NAME}$`),
    'is not a host name in small letters; `*.` may stand for its first label',
  ),
)
