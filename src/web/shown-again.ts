/**
 * The same page in another language. A page that a link brings back has links. Every other page (an answer to a form,
 * an error, a page on which something may have been typed) carries itself, sealed, in a form that shows it again.
 * What was typed is kept; a password never is.
 */
import type { Middleware } from 'koa'
import { Failure } from '../errors/failure.ts'
import { type FormFields, readForm } from './form-body.ts'
import { refuseCrossSite } from './form-origin.ts'
import { seeOther } from './interaction-needs.ts'
import type { Pages, ShownPage } from './pages.ts'

/** The names of what may be typed: in the form, and in the page's data. */
const typed = { login: 'login', user_code: 'userCode' } as const
const longestTyped = 320

export function languageRoute(pages: Pages): Middleware {
  return async (ctx) => {
    // The address of this form, reloaded or typed: there is no page to show again.
    if (ctx.method !== 'POST') return seeOther(ctx, `${pages.place.base}/`)
    refuseCrossSite(ctx, pages.place)
    const fields = await readForm(ctx)
    const shown = pages.seals.open(fields.get('page')) as ShownPage | undefined
    if (!shown) throw new Failure('page_stale', 'invalid', 'This page is too old to be shown in another language.')
    pages.rememberLanguage(ctx)
    pages.show(ctx, shown.name, { ...shown.data, ...typedAgain(shown.data, fields) }, shown.options)
  }
}

function typedAgain(data: object, fields: FormFields): Record<string, unknown> {
  const texts = Object.entries(typed).flatMap(([field, name]) => {
    const text = fields.get(field)
    return name in data && text !== undefined ? [[name, text.slice(0, longestTyped)] as const] : []
  })
  return { ...Object.fromEntries(texts), ...('remember' in data ? { remember: fields.has('remember') } : {}) }
}
