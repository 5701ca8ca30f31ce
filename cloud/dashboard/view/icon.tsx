// Icons drawn for this page, on a grid of 24, by lines only.

const PATHS = {
  overview: 'M4 13h7V4H4zM13 20h7v-9h-7zM4 20h7v-4H4zM13 8h7V4h-7z',
  nodes: 'M4 5h16v5H4zM4 14h16v5H4zM7.5 7.5h.01M7.5 16.5h.01',
  map: 'M5 6.5a2 2 0 1 0 .01 0M19 5.5a2 2 0 1 0 .01 0M12 17.5a2 2 0 1 0 .01 0M6.8 8.9l10.3-1M6 10.2l4.9 7.6M17.9 9.2l-4.8 8.5',
  policy: 'M12 3l7.5 3v5.5c0 4.4-3 8-7.5 9.5-4.500-1.500-7.500-5.100-7.500-9.500V6zM8.500 12l2.500 2.500 4.500-5',
  flows: 'M3 7h13M12.500 3.500L16 7l-3.500 3.500M21 17H8M11.500 13.500L8 17l3.500 3.500',
  join: 'M12 5v14M5 12h14',
  audit: 'M7 3h10v18H7zM10 8h4M10 12h4M10 16h2',
  search: 'M10.500 4a6.500 6.500 0 1 0 .01 0M15.500 15.500L20 20',
  sun: 'M12 8a4 4 0 1 0 .01 0M12 2v2M12 20v2M2 12h2M20 12h2M4.900 4.900l1.400 1.400M17.700 17.700l1.400 1.400M4.900 19.100l1.400-1.400M17.700 6.300l1.400-1.400',
  moon: 'M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500z',
  auto: 'M12 3.500a8.500 8.500 0 1 0 .01 0M12 3.500v17M12 7h5.500M12 11h8M12 15h7.500',
  out: 'M14 4h5v16h-5M3 12h11M10.500 8.500L14 12l-3.500 3.500',
  close: 'M6 6l12 12M18 6L6 18',
  download: 'M12 4v11M7.500 11L12 15.500 16.500 11M5 20h14',
  alert: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  info: 'M12 3.500a8.500 8.500 0 1 0 .01 0M12 11v5M12 8h.01',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  copy: 'M9 9h11v11H9zM15 9V4H4v11h5',
  back: 'M14.500 5.500L8 12l6.500 6.500',
} as const

export type IconName = keyof typeof PATHS

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  )
}
