/**
 * Writes every page as a static file, to be looked at and photographed:
 * `node test/web/render-pages.ts <folder> [lang]`.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure } from '../../src/errors/failure.ts'
import {
  ada,
  app,
  ben,
  csrf,
  live,
  openStage,
  type Reply,
  type Stage,
  type StageOptions,
  signedInAs,
  uid,
} from './stage.ts'

const path = `/interaction/${uid}`
const asked = {
  scopes: ['openid', 'profile', 'email', 'offline_access'],
  claims: [],
  apis: { 'https://api.photos.example': ['albums:read', 'albums:write'] },
}
const apis = {
  'https://api.photos.example': {
    name: 'Photo archive',
    scopeTexts: { 'albums:read': 'See your albums', 'albums:write': 'Add pictures to your albums' },
  },
}
const login = (fields: Record<string, string> = {}) => ({
  csrf,
  login: 'ada@example.com',
  password: 'wrong',
  ...fields,
})

/** By name, how each page comes about. */
export const scenes: Record<string, (stage: Stage) => Promise<Reply>> = {
  login: (stage) => stage.send(path),
  'login-logo': (stage) => {
    stage.lookup = live({ client: { ...app, logoUri: 'https://photos.example/logo.png' } })
    return stage.send(path)
  },
  'login-wrong': (stage) => stage.post(`${path}/login`, login()),
  'login-throttled': (stage) => {
    stage.signIn = async () => ({ outcome: 'rejected', retryAfterSeconds: 90 })
    return stage.post(`${path}/login`, login())
  },
  'login-busy': (stage) => {
    stage.signIn = async () => {
      throw new Failure('hashing_busy', 'unavailable', 'busy')
    }
    return stage.post(`${path}/login`, login({ remember: 'yes' }))
  },
  'login-again': (stage) => {
    stage.lookup = live({ reasons: ['max_age'], session: signedInAs(ada) })
    return stage.send(path)
  },
  'login-another': (stage) => {
    stage.lookup = live({ session: signedInAs(ada) })
    return stage.send(`${path}?another=1`)
  },
  'choose-account': (stage) => {
    stage.lookup = live({ selectAccount: true, session: signedInAs(ada) })
    return stage.send(path)
  },
  'switch-account': (stage) => {
    stage.lookup = live({ session: signedInAs(ada) })
    return stage.post(`${path}/login`, login({ login: ben.email, password: 'right' }))
  },
  consent: (stage) => {
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing: asked, apis, isRemembered: true })
    return stage.send(path)
  },
  'consent-undecided': (stage) => {
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing: asked })
    return stage.post(`${path}/consent`, { csrf })
  },
  'consent-long': (stage) => {
    const client = { ...app, name: 'The very long name of an app that wants to be noticed before all others' }
    const scopes = Array.from({ length: 12 }, (_, index) => `albums:${index}`)
    const missing = { ...asked, apis: { 'https://api.photos.example': scopes, 'https://print.example': ['print'] } }
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing, client })
    return stage.send(path)
  },
  gone: (stage) => {
    stage.lookup = { state: 'gone', client: app }
    return stage.send(path, { headers: { cookie: 'other=1' } })
  },
  'gone-cookieless': (stage) => {
    stage.lookup = { state: 'gone', client: undefined }
    return stage.send(path)
  },
  'gone-unknown': (stage) => {
    stage.lookup = { state: 'gone', client: undefined }
    return stage.send(path, { headers: { cookie: 'other=1' } })
  },
  finished: (stage) => {
    stage.lookup = { state: 'finished', client: app, resumeUrl: `${stage.url}/auth?client_id=photo-album` }
    return stage.send(path)
  },
  logout: (stage) =>
    engine(stage, (pages, ctx) =>
      pages.logout(ctx, { action: `${stage.url}/session/end/confirm`, xsrf: 'secret', client: app }),
    ),
  'signed-out': (stage) => engine(stage, (pages, ctx) => pages.signedOut(ctx, { client: app })),
  'signed-out-unknown': (stage) => engine(stage, (pages, ctx) => pages.signedOut(ctx, { client: undefined })),
  error: (stage) =>
    engine(stage, (pages, ctx) => pages.error(ctx, { error: 'invalid_redirect_uri', status: 400, client: app })),
  'error-500': (stage) => engine(stage, () => Promise.reject(new Error('boom'))),
  'error-503': (stage) =>
    engine(stage, () =>
      Promise.reject(new Failure('database_unavailable', 'unavailable', 'away', { retryAfterSeconds: 5 })),
    ),
  'not-found': (stage) => stage.send('/nowhere'),
  landing: (stage) => stage.send('/'),
  account: (stage) => {
    stage.session = { accountId: ada.id }
    return stage.send('/account')
  },
  'account-apps': (stage) => {
    stage.session = { accountId: ada.id }
    const access = { scopes: ['openid', 'offline_access'], claims: [], apis: {} }
    const ids = [app.id, 'an-app-that-nobody-named-yet']
    stage.consents = ids.map((clientId) => ({ clientId, access, allowedAt: new Date('2026-11-03T10:00:00Z') }))
    return stage.send('/account')
  },
  'account-nobody': (stage) => stage.send('/account'),
  'device-code': (stage) =>
    engine(stage, (pages, ctx) =>
      pages.deviceCode(ctx, { action: `${stage.url}/device`, xsrf: 'x', userCode: undefined, wrong: false }),
    ),
  'device-wrong': (stage) =>
    engine(stage, (pages, ctx) =>
      pages.deviceCode(ctx, { action: `${stage.url}/device`, xsrf: 'x', userCode: 'BCDF-GHJK', wrong: true }),
    ),
  'device-confirm': (stage) => {
    const device = { userCode: 'BCDF-GHJK' }
    stage.lookup = live({ prompt: 'consent', session: signedInAs(ada), missing: asked, apis, device })
    return stage.send(path)
  },
  'device-stopped': (stage) => engine(stage, (pages, ctx) => pages.deviceStopped(ctx)),
  'device-done': (stage) => engine(stage, (pages, ctx) => pages.deviceDone(ctx, { client: app })),
  'form-post': (stage) =>
    engine(stage, (pages, ctx) =>
      pages.formPost(ctx, { action: 'https://photos.example/cb', fields: { code: 'c0de', state: 's' } }),
    ),
}

type EnginePage = (pages: Stage['pages'], ctx: Parameters<Stage['engine']>[0]) => Promise<void>

function engine(stage: Stage, show: EnginePage): Promise<Reply> {
  stage.engine = (ctx) => show(stage.pages, ctx)
  return stage.send('/auth')
}

/** Each on a stage of its own, so that no scene hears of another. */
export async function play(name: string, options: StageOptions & { lang?: string } = {}): Promise<Reply> {
  const stage = await openStage(options)
  const { send, post } = stage
  const headers = { 'accept-language': options.lang ?? 'en' }
  stage.send = (to, given = {}) => send(to, { ...given, headers: { ...headers, ...given.headers } })
  stage.post = (to, fields, given = {}) => post(to, fields, { ...given, headers: { ...headers, ...given.headers } })
  return (scenes[name] as (typeof scenes)[string])(stage).finally(() => stage.close())
}

async function writeAll(folder: string, lang: string): Promise<void> {
  await mkdir(join(folder, 'assets'), { recursive: true })
  const stage = await openStage({ issuer: 'https://id.example.com' })
  const { text } = await stage.send('/')
  for (const [, asset = ''] of text.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g))
    await writeFile(join(folder, asset), (await stage.send(asset)).text)
  await stage.close()
  for (const name of Object.keys(scenes)) {
    const reply = await play(name, { lang, issuer: 'https://id.example.com' })
    await writeFile(
      join(folder, `${name}.html`),
      reply.text.replaceAll('"/assets/', '"assets/').replaceAll('<script>document.forms[0].submit()</script>', ''),
    )
  }
}

const [, script = '', folder, lang = 'en'] = process.argv
if (folder && import.meta.url === pathToFileURL(script).href) await writeAll(folder, lang)
