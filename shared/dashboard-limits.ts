// Bounds of the dashboard and of the people at it, each with its reason; all others are in limits.ts, which is long enough.

/** Files of the dashboard: a page, its scripts and styles, some icons and fonts. */
export const dashboardFilesMax = 128
/** Bytes of all of them, which the hub holds in memory: a page that is first there at 60 KB, its map and editor, twice over. */
export const dashboardBytesMax = 8 << 20
/** A session ends when nobody has used it for a shift … */
export const sessionIdleMsMax = 8 * 3_600_000
/** … and at the latest after a week, however it is used. */
export const sessionLifeMsMax = 7 * 86_400_000
/** Sessions of one token or one person: a few browsers each; one more ends the one that was used longest ago. */
export const sessionsPerHolderMax = 16
/** Sessions of one hub; some 300 bytes each. */
export const sessionsMax = 4_096
/** Refused sign-ins of all addresses per minute: nobody guesses 256 bits, yet each try costs a hash and a line of the log. */
export const signInFailuresPerMinuteMax = 600
/** Events that are shown at once to who did not watch: the last hours of a calm fleet. */
export const eventsShownMax = 200
/** Nodes that one request may name, to look at them again: more are read faster all at once. */
export const rosterNamesMax = 100
/** Health conditions of one node, and characters of each, in a list of all nodes: what lies behind is told of one node. */
export const rosterHealthMax = 8
export const rosterDetailMax = 200
/** Groups of nodes in a matrix of who may talk to whom, after those that fare alike are one: columns that a person reads … */
export const matrixGroupsMax = 24
/** … values of a label that one of them names … */
export const matrixValuesMax = 60
/** … kinds of nodes that are judged of all groups together, the largest of each: 2,300 pairs, half a second … */
export const matrixKindsMax = 48
/** … and services and rules that one cell tells of. */
export const matrixWordsMax = 12
/** Batches of flows that one what-if looks at, of all nodes together: half a second of the hub. */
export const whatifBatchesMax = 4_000
/** Changes that one what-if lists. */
export const whatifChangesMax = 500
/** Sites, or single nodes, that a map and its table tell of: each of two fleets of 2,000. Of them … */
export const topologySpotsMax = 4_000
/** … so many are drawn: more are dust on a screen. */
export const topologyDrawnMax = 120
/** Links of a map: 100 sites each with every other, or 2,000 nodes with ten others each; 2 MB, of which 100 KB with gzip. */
export const topologyLinksMax = 20_000
/** Labels that a map may be narrowed by. */
export const topologyLabelsMax = 64
/** Halves of pairs behind one link: a table that a person reads. */
export const topologyPairsMax = 200
/** A session that a provider of identities vouched for ends after half a day: what changes there is not heard of here. */
export const oidcSessionMsMax = 12 * 3_600_000
/** Sign-ins at a provider that were begun and not ended; some 300 bytes each. */
export const signInsBegunMax = 1_024
/** So long somebody may take for one, milliseconds: a second factor that has to be looked for. */
export const signInMsMax = 10 * 60_000
/** Sign-ins at a provider that one address may begin per minute: an office behind one NAT, on a Monday. */
export const signInsBegunPerMinuteMax = 30
/** Rules from a claim to a role: some groups, and a few people by name. */
export const claimRulesMax = 64
/** Answer of a provider: its keys, or the claims of somebody in hundreds of groups. */
export const providerAnswerBytesMax = 1 << 20
/** A provider that takes longer is as good as away, milliseconds: somebody waits in front of a page. */
export const providerAnswerMsMax = 10_000
/** Clocks of hub and provider may be so far apart, seconds: as providers themselves allow. */
export const providerSkewS = 60
/** Points of how a device was of late: a day of reports every quarter of an hour, 7 KB each device … */
export const tracePointsMax = 96
/** … and time between two of them, milliseconds: a device whose peers come and go reports more often. */
export const traceStepMs = 15_000
