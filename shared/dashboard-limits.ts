// Bounds of the dashboard and of the people at it, each with its reason; all others are in limits.ts, which is long enough.

/** Files of the dashboard: a page, its scripts and styles, some icons and fonts. */
export const dashboardFilesMax = 128
/** Bytes of all of them, which the hub holds in memory: a page that is first there at 60 KB, its map and editor, twice over. */
export const dashboardBytesMax = 8 << 20
