/** Shows the pages of `views/` to people, in their language. */
import { fileURLToPath } from 'node:url'
import { Eta } from 'eta'
import type { Context } from 'koa'
import type { Config } from '../config/config.ts'
import { type Assets, loadAssets } from './assets.ts'
import { acceptedLocales, lookUpLocale, uiLocales } from './locale.ts'
import { cookieName, type Place, placeOf } from './place.ts'
import { formPostScript, type PageTraits } from './security-headers.ts'
import { type Language, loadTexts, type Texts, unmarked } from './texts.ts'

export interface PageOptions extends PageTraits {
  status?: number
  /** `ui_locales` of the request that led here. */
  uiLocales?: string | undefined
  /** Path below the issuer where this page can be had again by GET; without it no language can be chosen. */
  languagePath?: string
  headers?: Readonly<Record<string, string>>
}

export interface Pages {
  readonly place: Place
  readonly assets: Assets
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

/** @param folder where the views lie */
export function createPages(config: Pick<Config, 'issuer'>, folder: string = viewsFolder): Pages {
  const place = placeOf(config.issuer)
  const assets = loadAssets(`${folder}/assets`)
  const texts = loadTexts(`${folder}/locales`)
  const eta = new Eta({ views: folder, cache: true, autoTrim: false })
  const localeCookie = cookieName(place, 'locale')
  const languageFor = (ctx: Context, wanted?: string): Language => languageOf(ctx, texts, localeCookie, wanted)

  return {
    place,
    assets,
    locales: texts.locales,
    languageFor,
    show(ctx, name, data, options = {}) {
      const language = languageFor(ctx, options.uiLocales)
      const page = { place, texts, language, assets, options, requestId: String(ctx.state.requestId ?? '') }
      ctx.status = options.status ?? 200
      ctx.set(options.headers ?? {})
      ctx.set('Content-Language', language.locale)
      ctx.vary('Accept-Language')
      ctx.state.submitsItself = options.submitsItself
      ctx.state.keepsOpener = options.keepsOpener
      ctx.type = 'html'
      ctx.body = eta.render(`./${name}`, { ...surroundings(page), ...data })
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

/** What every template may use, under `it`. */
function surroundings({
  place,
  texts,
  language,
  assets,
  options,
  requestId,
}: {
  place: Place
  texts: Texts
  language: Language
  assets: Assets
  options: PageOptions
  requestId: string
}) {
  const url = (path: string) => `${place.base}${path}`
  const { languagePath } = options
  return {
    t: language.text,
    has: language.has,
    duration: language.duration,
    plain: unmarked,
    url,
    asset: (name: string) => url(assets.path(name)),
    lang: language.locale,
    dir: language.dir,
    host: place.host,
    requestId,
    formPostScript,
    languages:
      languagePath === undefined
        ? []
        : texts.locales.map((locale) => ({
            locale,
            name: texts.in(locale).name,
            href: `${url(languagePath)}${languagePath.includes('?') ? '&' : '?'}lang=${locale}`,
            isCurrent: locale === language.locale,
          })),
  }
}

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
