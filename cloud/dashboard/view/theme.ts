// Light, dark, or as the system has it; remembered by the browser.

import { signal } from '@preact/signals'

const themes = ['auto', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const KEY = 'holdfast-theme'

function remembered(): Theme {
  try {
    return themes.find((one) => one === localStorage.getItem(KEY)) ?? 'auto'
  } catch {
    // A browser may refuse to remember anything.
    return 'auto'
  }
}

export const theme = signal<Theme>(remembered())

const prefersDark = matchMedia('(prefers-color-scheme: dark)')

/** Writes at the page's root which of both it is: the style sheet has one place for each. */
function write(): void {
  const isDark = theme.value === 'auto' ? prefersDark.matches : theme.value === 'dark'
  document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light'
}

/** To be called once; what the system says later is followed. */
export function applyTheme(): void {
  prefersDark.addEventListener('change', write)
  write()
}

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto'
  write()
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // It holds until the page is closed.
  }
}
