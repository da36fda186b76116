/**
 * Shows a page again in another language. Pages that a GET can show again have links for this.
 * Other pages carry their sealed data in a form: answers to forms, errors, pages with text fields.
 * The form keeps typed text, but never a password.
 */
import type { Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import { type FormFields, readForm } from '../bodies/form-body.ts'
import { refuseCrossSite } from '../bodies/form-origin.ts'
import { seeOther } from '../sign-in/interaction-needs.ts'
import type { Pages, ShownPage } from './pages.ts'

/** Form fields that keep their text, with their names in the page's data. */
const typedFields = { login: 'login', user_code: 'userCode' } as const
const longestTyped = 320

export function languageRoute(pages: Pages): Middleware {
  return async (ctx) => {
    // A GET of this form's address, reloaded or typed, has no page to show again.
    if (ctx.method !== 'POST') return seeOther(ctx, `${pages.place.base}/`)
    refuseCrossSite(ctx, pages.place)
    const fields = await readForm(ctx)
    const shown = pages.seals.open(fields.get('page')) as ShownPage | undefined
    if (!shown)
      throw new Failure('page_stale', 'invalid', 'This page has expired and cannot be shown in another language.')
    pages.rememberLanguage(ctx)
    pages.show(ctx, shown.name, { ...shown.data, ...typedAgain(shown.data, fields) }, shown.options)
  }
}

function typedAgain(data: object, fields: FormFields): Record<string, unknown> {
  const texts = Object.entries(typedFields).flatMap(([field, name]) => {
    const text = fields.get(field)
    return name in data && text !== undefined ? [[name, text.slice(0, longestTyped)] as const] : []
  })
  return { ...Object.fromEntries(texts), ...('remember' in data ? { remember: fields.has('remember') } : {}) }
}
