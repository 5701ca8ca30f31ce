// Bounds of routes on a device, each with its reason; all others are in limits.ts, which is long enough.

/** Routers that are asked whether they forward, each once for every probe it leads to; those beyond are taken at their word. */
export const provenMax = 256
/** Subnets that a device tells the hub of, the first by address: some 100 bytes each, in a report of at most 256 KiB. */
export const routesReportedMax = 64
/** Routers of one subnet that it says do not forward. */
export const failingReportedMax = 16
/** Echoes that a router leads on in a second: a hundred devices that look closely, and nothing to the machine they ask. */
export const echoesPerSMax = 500
/** Echoes that are remembered as under way to one router: a late answer proves as much as an early one. */
export const echoesUnderWayMax = 8
/** Devices that ask at the usual pace; of more each asks more seldom, so that the machine behind is asked no more often. */
export const askersMax = 50
