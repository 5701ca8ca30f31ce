// A browser as far as a sign-in needs one: it keeps cookies by host, follows where it is led, and fills in forms.

import { HoldfastError } from '../../shared/errors.ts'
import { createProviderFetch } from '../serve/provider-fetch.ts'

type Fetch = (
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string },
) => Promise<Response>

export interface FakeBrowser {
  /** What the hub answers at that path. */
  hub(path: string): Promise<Response>
  /** To the provider and through its pages; the path at the hub that it leads back to. */
  walk(login: string): Promise<string>
  /** All the way. */
  signIn(login: string): Promise<Response>
}

const STEPS_MAX = 20

export function createBrowser(authority: string, askHub: Fetch, hubUrl: string): FakeBrowser {
  const jars = new Map<string, Map<string, string>>()
  const askProvider = createProviderFetch(authority)

  const ask = async (url: URL, form?: URLSearchParams): Promise<Response> => {
    const jar = jars.get(url.host) ?? new Map<string, string>()
    jars.set(url.host, jar)
    const headers = {
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    }
    const method = form === undefined ? 'GET' : 'POST'
    const init = { method, headers, ...(form === undefined ? {} : { body: form.toString() }) }
    const answer =
      url.origin === hubUrl
        ? await askHub(url.href, init)
        : await askProvider(url.href, { ...init, body: init.body, redirect: 'manual' })
    for (const line of answer.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=', 2)
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }

  const walk = async (login: string): Promise<string> => {
    let [url, answer] = [new URL(hubUrl), await ask(new URL('/api/v1/session/oidc', hubUrl))]
    for (let step = 0; step < STEPS_MAX; step++) {
      const to = answer.headers.get('location')
      if (to !== null) {
        url = new URL(to, url)
        if (url.origin === hubUrl) return url.pathname + url.search
        answer = await ask(url)
        continue
      }
      const page = await answer.text()
      const action = /<form[^>]*action="([^"]+)"/.exec(page)?.[1]
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1]
      if (action === undefined || prompt === undefined) {
        throw new HoldfastError('failed', `${url.href} has no form: ${answer.status} ${page.slice(0, 500)}`)
      }
      url = new URL(action, url)
      answer = await ask(url, new URLSearchParams({ prompt, login, password: 'any' }))
    }
    throw new HoldfastError('failed', 'the provider leads nowhere')
  }

  const hub = (path: string): Promise<Response> => ask(new URL(path, hubUrl))
  return { hub, walk, signIn: async (login) => await hub(await walk(login)) }
}
