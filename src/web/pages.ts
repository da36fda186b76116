/** Shows the pages of `views/` to people, in their language. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import type { Context } from 'koa'
import type { Config } from '../config/config.ts'
import { type Assets, loadAssets } from './assets.ts'
import { acceptedLocales, lookUpLocale, uiLocales } from './locale.ts'
import { cookieName, type Place, placeOf } from './place.ts'
import { createSeal, type Seal, type SealNeeds } from './seal.ts'
import { formPostScript, hashOf, type PageTraits } from './security-headers.ts'
import { type Language, loadTexts, type Texts, unmarked } from './texts.ts'

export interface PageOptions extends PageTraits {
  status?: number
  /** `ui_locales` of the request that led here. */
  uiLocales?: string | undefined
  /** Path below the issuer where a link brings this page again. Without it the page carries itself, sealed (`shown-again.ts`). */
  languagePath?: string
  headers?: Readonly<Record<string, string>>
}

/** A page as it was shown, to be shown again in another language. */
export interface ShownPage {
  name: string
  data: object
  options: Pick<PageOptions, 'uiLocales' | 'keepsOpener' | 'submitsItself'>
}

export interface Pages {
  readonly place: Place
  readonly assets: Assets
  /** Not production: error pages say what went wrong. */
  readonly isDevelopment: boolean
  /** Of pages that carry themselves. */
  readonly seals: Seal
  readonly locales: readonly string[]
  /** Renders `views/<name>.eta` into the answer. */
  show(ctx: Context, name: string, data: object, options?: PageOptions): void
  /** The language this person reads. */
  languageFor(ctx: Context, uiLocales?: string): Language
  /** Keeps a language chosen on the page; called where something was posted. */
  rememberLanguage(ctx: Context): void
}

const viewsFolder = fileURLToPath(new URL('../../views', import.meta.url))
const yearSeconds = 31_536_000

/** How long a page can be shown again in another language. */
const sealedSeconds = 86_400

/** @param folder where the views are */
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
      const hasComforts = hasSomethingFor(name, data)
      const scriptHash = submitsItself ? hashes.formPost : hasComforts ? hashes.page : undefined
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

/** The script of `page.js` shows passwords and watches logos; no other page carries it. */
const hasSomethingFor = (
  name: string,
  { client }: { client?: { logoUri?: string | undefined } | undefined },
): boolean => name === 'login' || client?.logoUri !== undefined

/** What every template may use, under `it`. */
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
    /** An address of ours, with the language that was chosen on this page. */
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

/** The path and query of this request again, without the language that was chosen; where looking twice is harmless. */
export function sameAddress(ctx: Context): string {
  const search = new URLSearchParams(ctx.querystring)
  search.delete('lang')
  return search.size > 0 ? `${ctx.path}?${search}` : ctx.path
}

const inLanguage = (href: string, locale: string): string => `${href}${href.includes('?') ? '&' : '?'}lang=${locale}`

/** Chosen on the page, wished by the app, chosen before, set in the browser: in this order. */
function languageOf(ctx: Context, texts: Texts, cookie: string, wanted: string | undefined): Language {
  const chosen = chosenLocale(ctx, texts)
  if (chosen !== undefined) return texts.in(chosen)
  const kept = ctx.cookies.get(cookie, { signed: false })
  const wishes = [...uiLocales(wanted), ...(kept ? [kept] : []), ...acceptedLocales(ctx.get('Accept-Language'))]
  return texts.in(lookUpLocale(wishes, texts.locales) ?? texts.fallback.locale)
}

/** `?lang=de`: a link, so that it works without scripts; it changes nothing but the page. */
function chosenLocale(ctx: Context, texts: Texts): string | undefined {
  const chosen = /[?&]lang=([\w-]{1,35})(?:&|$)/.exec(ctx.originalUrl)?.[1]
  return chosen === undefined ? undefined : texts.locales.find((locale) => locale === chosen)
}
