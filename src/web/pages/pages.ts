/** Renders the pages of `views/` in the language of the person. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import type { Context } from 'koa'
import type { Config } from '../../config/config.ts'
import { createSeal, type Seal, type SealNeeds } from '../bodies/seal.ts'
import { cookieName, type Place, placeOf } from '../routing/place.ts'
import { formPostScript, hashOf, type PageTraits } from '../routing/security-headers.ts'
import { type Assets, loadAssets } from '../server/assets.ts'
import { acceptedLocales, lookUpLocale, uiLocales } from './locale.ts'
import { type Language, loadTexts, type Texts, unmarked } from './texts.ts'

export interface PageOptions extends PageTraits {
  status?: number
  /** `ui_locales` of the authorization request. */
  uiLocales?: string | undefined
  /** Path below the issuer that shows this page again. Without it, a form of the page carries the sealed page (`shown-again.ts`). */
  languagePath?: string
  headers?: Readonly<Record<string, string>>
}

/** The name, data and options of a rendered page, kept to render it again in another language. */
export interface ShownPage {
  name: string
  data: object
  options: Pick<PageOptions, 'uiLocales' | 'keepsOpener' | 'submitsItself'>
}

export interface Pages {
  readonly place: Place
  readonly assets: Assets
  /** True outside production: error pages then show the reason. */
  readonly isDevelopment: boolean
  /** Seals pages that a form carries. */
  readonly seals: Seal
  readonly locales: readonly string[]
  /** Renders `views/<name>.eta` into the response. */
  show(ctx: Context, name: string, data: object, options?: PageOptions): void
  /** Chooses the language of the page for this request. */
  languageFor(ctx: Context, uiLocales?: string): Language
  /** Stores the language that was chosen on the page in a cookie. Called after a form was posted. */
  rememberLanguage(ctx: Context): void
}

const viewsFolder = fileURLToPath(new URL('../../../views', import.meta.url))
const yearSeconds = 31_536_000

/** A sealed page can be shown again in another language for this time. */
const sealedSeconds = 86_400

/** @param folder the folder of the views */
export function createPages(
  config: Pick<Config, 'issuer' | 'deploymentName' | 'production'>,
  sealing: SealNeeds,
  folder: string = viewsFolder,
): Pages {
  const place = placeOf(config.issuer)
  const assets = loadAssets(`${folder}/assets`)
  const texts = loadTexts(`${folder}/locales`)
  const eta = new Eta({ views: folder, cache: true, autoTrim: false })
  const localeCookie = cookieName(place, 'locale')
  const languageFor = (ctx: Context, wanted?: string): Language => languageOf(ctx, texts, localeCookie, wanted)
  const seals = createSeal('shown page', sealedSeconds, sealing)
  const pageScript = readFileSync(`${folder}/page.js`, 'utf8')
  const hashes = { page: hashOf(pageScript), formPost: hashOf(formPostScript) }

  return {
    place,
    assets,
    seals,
    isDevelopment: !config.production,
    locales: texts.locales,
    languageFor,
    show(ctx, name, data, options = {}) {
      const language = languageFor(ctx, options.uiLocales)
      const requestId = String(ctx.state.requestId ?? '')
      const { uiLocales, keepsOpener, submitsItself } = options
      const page = { place, texts, language, assets, options, deployment: config.deploymentName }
      const sealed = () =>
        seals.seal({ name, data: { requestId, ...data }, options: { uiLocales, keepsOpener, submitsItself } })
      ctx.status = options.status ?? 200
      ctx.set(options.headers ?? {})
      ctx.set('Content-Language', language.locale)
      ctx.vary('Accept-Language')
      const scriptHash = submitsItself ? hashes.formPost : needsPageScript(name, data) ? hashes.page : undefined
      Object.assign(ctx.state, { submitsItself, keepsOpener, scriptHash })
      ctx.type = 'html'
      ctx.body = eta.render(`./${name}`, {
        ...surroundings(page, chosenLocale(ctx, texts), sealed),
        pageScript: scriptHash === hashes.page ? pageScript : undefined,
        requestId,
        ...data,
      })
    },
    rememberLanguage(ctx) {
      const chosen = chosenLocale(ctx, texts)
      if (chosen === undefined || ctx.cookies.get(localeCookie, { signed: false }) === chosen) return
      const path = place.base || '/'
      ctx.cookies.set(localeCookie, chosen, {
        path,
        maxAge: yearSeconds * 1000,
        sameSite: 'lax',
        httpOnly: true,
        signed: false,
        secure: place.isSecure,
      })
    },
  }
}

/** `page.js` shows passwords and removes logos that fail to load. Only pages with a password or a logo include it. */
const needsPageScript = (
  name: string,
  { client }: { client?: { logoUri?: string | undefined } | undefined },
): boolean => name === 'login' || client?.logoUri !== undefined

/** The values that every template finds under `it`. */
function surroundings(
  {
    place,
    texts,
    language,
    assets,
    options,
    deployment,
  }: {
    place: Place
    texts: Texts
    language: Language
    assets: Assets
    options: PageOptions
    deployment: string
  },
  chosen: string | undefined,
  sealed: () => string,
) {
  const url = (path: string) => `${place.base}${path}`
  const { languagePath } = options
  return {
    t: language.text,
    has: language.has,
    duration: language.duration,
    date: language.date,
    joined: language.joined,
    plain: unmarked,
    url,
    /** Adds the language that was chosen on this page to an address of this server. */
    local: (href: string) => (chosen === undefined ? href : inLanguage(href, chosen)),
    asset: (name: string) => url(assets.path(name)),
    lang: language.locale,
    dir: language.dir,
    host: place.host,
    deployment,
    formPostScript,
    sealed,
    languages: texts.locales.map((locale) => ({
      locale,
      name: texts.in(locale).name,
      isCurrent: locale === language.locale,
      href: languagePath === undefined ? undefined : inLanguage(url(languagePath), locale),
      action: inLanguage(url('/language'), locale),
    })),
  }
}

/** @returns the path and query of this request without the chosen language; only for requests that are safe to repeat */
export function sameAddress(ctx: Context): string {
  const search = new URLSearchParams(ctx.querystring)
  search.delete('lang')
  return search.size > 0 ? `${ctx.path}?${search}` : ctx.path
}

const inLanguage = (href: string, locale: string): string => `${href}${href.includes('?') ? '&' : '?'}lang=${locale}`

/** Order of precedence: the language chosen on the page, `ui_locales` of the app, the cookie, Accept-Language. */
function languageOf(ctx: Context, texts: Texts, cookie: string, ofRequest: string | undefined): Language {
  const chosen = chosenLocale(ctx, texts)
  if (chosen !== undefined) return texts.in(chosen)
  const stored = ctx.cookies.get(cookie, { signed: false })
  const wanted = [...uiLocales(ofRequest), ...(stored ? [stored] : []), ...acceptedLocales(ctx.get('Accept-Language'))]
  return texts.in(lookUpLocale(wanted, texts.locales) ?? texts.fallback.locale)
}

/** Reads `?lang=de`. A link sets it, so that the choice works without scripts. It changes only the page. */
function chosenLocale(ctx: Context, texts: Texts): string | undefined {
  const chosen = /[?&]lang=([\w-]{1,35})(?:&|$)/.exec(ctx.originalUrl)?.[1]
  return chosen === undefined ? undefined : texts.locales.find((locale) => locale === chosen)
}
