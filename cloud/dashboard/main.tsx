// Begins the dashboard: the theme that was chosen, the place in the address, and who is signed in.

import { render } from 'preact'
import { resume } from './app.ts'
import { parseRoute } from './model/route.ts'
import { route } from './store.ts'
import { App } from './view/shell.tsx'
import { applyTheme } from './view/theme.ts'

applyTheme()
const follow = (): void => {
  route.value = parseRoute(location.hash)
}
follow()
addEventListener('hashchange', follow)
const root = document.querySelector('#app')
if (root !== null) render(<App />, root)
void resume()
