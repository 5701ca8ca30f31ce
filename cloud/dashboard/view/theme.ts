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

export function applyTheme(): void {
  const { documentElement } = document
  if (theme.value === 'auto') delete documentElement.dataset['theme']
  else documentElement.dataset['theme'] = theme.value
}

export function nextTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length] ?? 'auto'
  applyTheme()
  try {
    localStorage.setItem(KEY, theme.value)
  } catch {
    // It holds until the page is closed.
  }
}
